"""`/api/v1/reports`: the reports that are kept."""
