"""Runs of workflows in the API (O1)."""
