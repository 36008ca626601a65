"""Standing pages over HTTP: for their owners, and for everybody."""
