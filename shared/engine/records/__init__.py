"""What is written of jobs that end, and whether all that was expected is accounted for."""
