"""What was applied from files (docs/schedules-as-code.md), and whether it is still so: drift.

model    what is kept of an apply; what can differ
digests  a schedule, a calendar -> a digest of each field that people decide; pure
compare  what was applied, what is there now -> what differs; pure
rows     what is kept as rows
store    reading and writing them
looking  reads what is there now, as little as it can
service  what the API does: keep, show, remove
watch    what the monitor does: compare every few minutes, and tell people
port     what the task may ask
"""
