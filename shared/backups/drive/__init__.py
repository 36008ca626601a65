"""Google Drive: copies of backups in a folder there."""
