"""The empty-recs runbook, as code."""
