"""Calendars, their days, and feeds."""
