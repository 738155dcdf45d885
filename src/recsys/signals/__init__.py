"""From interactions to the three signal tables."""
