"""Merchandising rules: what they may say, when they apply, what they do (pure)."""
