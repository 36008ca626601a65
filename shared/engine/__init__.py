"""The engine: `tick` hands out what is due, `worker` runs it, `retry` decides about failures.

It knows no task by name. It reads from storage, lets the pure code of `shared.schedules` decide,
writes the result under an ETag, and logs.
"""
