"""One namespace's signals, frozen in memory: made, loaded, kept fresh."""
