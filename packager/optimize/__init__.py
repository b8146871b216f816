"""Reduced precisions: each a stated outcome with a reason, never a silent copy."""
