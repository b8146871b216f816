"""Other forms of the model, most of reduced precision: each a stated outcome with a reason, never a silent copy."""
