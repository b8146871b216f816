"""What Azure ML's managed endpoints take, as far as its documentation says: instance types, names, settings, limits."""
