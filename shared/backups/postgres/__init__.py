"""PostgreSQL as a source: pg_dump at a snapshot, pg_restore to prove it and to bring it back."""
