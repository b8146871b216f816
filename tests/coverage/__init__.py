"""What the program does with every estimator and with configurations that conversions get wrong: told by running."""
