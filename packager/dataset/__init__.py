"""Rows: read from files in bounded memory, carried as arrays."""
