"""Which backups are kept, look wrong, are proved again. Pure: values in, values out."""
