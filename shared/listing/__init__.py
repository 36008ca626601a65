"""The index of schedules: what lists filter and sort by, in memory, in step with the rows."""
