"""Approvals: a person of the project lets a critical job run, or not (docs/approvals.md)."""
