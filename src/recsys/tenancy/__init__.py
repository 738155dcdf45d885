"""Tenants, their keys, and their two versioned documents."""
