"""The upload hook: a finished bundle goes to a registry, whole and unchanged, or not at all."""
