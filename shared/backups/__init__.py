"""Backups that are called good only once they were restored and their rows counted.

Nothing is imported here, so that a cold start does not load any of it; see `service.Backups`.
"""
