"""Functions that are called over HTTP."""
