"""Table, Queue and Blob Storage. The SDKs are imported here only, and their errors end here."""
