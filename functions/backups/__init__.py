"""Backups: taken, proved, copied, restored."""
