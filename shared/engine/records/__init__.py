"""The records of jobs, and whether everything that was expected is accounted for."""
