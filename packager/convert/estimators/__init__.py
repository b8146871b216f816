"""One module per family of estimators: fitted arrays in, nodes out, and at its end the rows of the emitters' table."""
