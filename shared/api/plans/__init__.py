"""`/api/v1/backups/plans`."""
