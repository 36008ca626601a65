"""Backups that are not called good before they were restored and counted.

Nothing is imported here, so that a cold start pays for none of it; see `service.Backups`.
"""
