"""Benchmarks: what we promise to be fast, as ratios against the original and what a user would pick instead."""
