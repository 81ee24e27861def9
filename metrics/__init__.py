"""Metrics: each folder is an `evaluate` module and a Space; what they share is kept here and copied."""
