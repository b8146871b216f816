"""Quality on labelled rows: metrics by scikit-learn's definitions, their differences, and how sure those are."""
