"""Copies from one place to another, one way (C12)."""
