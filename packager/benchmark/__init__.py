"""Measure latency and throughput per variant, batch size and target; never on another provider than was asked for."""
