"""`/api/v1/billing`: whether billing runs, and the ledger's sums; a person resumes it."""
