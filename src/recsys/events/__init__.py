"""What was shown and what was done: records, spool, drain."""
