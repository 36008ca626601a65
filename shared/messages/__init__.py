"""Messages to people: one row a recipient in an outbox, sent once, by whatever way is configured.

`service.Messages` is what callers hold; `model` says what a message is, `outbox` keeps it,
`sending` decides what becomes of an attempt, and each way to people has a file of its own.
"""
