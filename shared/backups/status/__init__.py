"""How backups stand, and what people are told of it."""
