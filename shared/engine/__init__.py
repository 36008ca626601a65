"""The engine: `tick` hands out what is due, `worker` runs it, `retry` decides about failures.

It knows no task by name. Around the pure decisions of `shared.schedules` it loads, writes with
an ETag, and logs.
"""
