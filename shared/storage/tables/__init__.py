"""Table Storage: rows by hand on the hot path, else by the SDK, and what the rows mean."""
