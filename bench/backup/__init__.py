"""One measurement of a backup, in a process of its own."""
