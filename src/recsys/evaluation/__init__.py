"""Metrics and backtests over the real serving path."""
