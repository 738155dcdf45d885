"""The demo: from nothing to real recommendations, through the same doors that everybody uses."""
