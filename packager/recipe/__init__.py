"""The recipe: read once into frozen values. `load.load_recipe` reads it, `model.Recipe` is what it becomes.

Nothing is imported here, so that the plain tables (`metrics`, `providers`, `schemes`) stay free of other libraries.
"""
