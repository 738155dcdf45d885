"""Files into the database: rows are read, checked one by one, and stored in batches that may be repeated."""
