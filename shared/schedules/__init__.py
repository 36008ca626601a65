"""What a schedule is (`model`), and what it owes at an instant (`plan`, `claim`, `fold`). Pure."""
