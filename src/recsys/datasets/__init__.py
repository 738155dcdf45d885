"""Public data sets: fetched by package client, checked, cached, never committed."""
