"""Trees at the machine's limit: features as ranks among the model's own thresholds, without loss."""
