"""What is known of a tenant's items, item by item."""
