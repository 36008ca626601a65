"""Which backups are kept, look wrong, are proved again. Pure functions: values in, values out."""
