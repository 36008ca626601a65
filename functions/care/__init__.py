"""The pet-care company's chores: reminders, vaccinations, no-shows, reputations."""
