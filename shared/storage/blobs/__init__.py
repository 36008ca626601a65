"""Blob Storage: containers, streams into blobs and out of them, and links that read one."""
