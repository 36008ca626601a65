"""A SQLite file as a source: an online copy of it, checked, and restored to its place."""
