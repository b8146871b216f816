"""Text in a graph as Python and scikit-learn read it: characters, tokens, and strings cut out of one another."""
