"""Belfry's own tables as a source: read into a SQLite file, and written back from one."""
