"""Table, Queue and Blob Storage. Only this package imports Azure's SDKs, and none of their errors
leaves it."""
