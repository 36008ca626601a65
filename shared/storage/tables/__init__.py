"""Table Storage: a client of our own, and what the rows mean."""
