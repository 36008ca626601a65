"""The weekly report: what happened in a week, against the weeks before (docs/weekly-report.md)."""
