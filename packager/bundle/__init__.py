"""Bundle: the selected variant becomes a folder that deploys, scores and proves itself anywhere."""
