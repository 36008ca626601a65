"""What was applied, and what differs: pure rules."""
