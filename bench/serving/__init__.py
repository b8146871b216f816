"""A bundle under its server beside what a user would serve the same model with instead: one machine, one run."""
