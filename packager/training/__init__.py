"""The libraries that train: scikit-learn, LightGBM, joblib. Imported in the source worker only."""
