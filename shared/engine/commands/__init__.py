"""What people do with schedules and jobs, whichever door they come in by."""
