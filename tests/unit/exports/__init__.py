"""Exports, without storage."""
