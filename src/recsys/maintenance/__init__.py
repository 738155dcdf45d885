"""Upkeep that runs by itself: partitions, retention, schedules."""
