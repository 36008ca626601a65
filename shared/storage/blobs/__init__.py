"""Blob Storage: containers, streams to and from blobs, and links for reading one blob."""
