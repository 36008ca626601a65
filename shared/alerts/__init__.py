"""Alerts: problems that people are told of, each with a beginning, reminders and an end."""
