"""The status of backups, and what people are told about it."""
