"""What was applied from files."""
