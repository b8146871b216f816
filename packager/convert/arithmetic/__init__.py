"""What several families of estimators share: formulas and searches, as nodes of a graph."""
