"""The pet-care company's own chores: vaccinations, no-shows, reminders, reputations (P1-P9)."""
