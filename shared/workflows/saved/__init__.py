"""Workflows as people keep them: definitions with their versions, and when they run."""
