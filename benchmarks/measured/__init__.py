"""What was measured, kept in one shape, and the page that is made of it."""
