"""Prove that every variant scores like the native model: on made rows, on verification rows, in quality."""
