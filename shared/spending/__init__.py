"""Budgets of projects and schedules, and what was spent of them (N7)."""
