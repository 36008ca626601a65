"""Exports, on real storage."""
