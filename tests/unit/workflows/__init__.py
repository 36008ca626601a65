"""Tests of workflows that need no storage."""
