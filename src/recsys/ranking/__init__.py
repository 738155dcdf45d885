"""The pure core: from a query and a snapshot to a slate (no I/O, no clock, no global randomness)."""
