"""What people do with schedules and jobs, whether by the API or the command line."""
