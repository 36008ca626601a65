"""What people do with schedules and jobs, through whichever interface."""
