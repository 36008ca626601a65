"""Messages to people: one row for each recipient in an outbox, sent once, by the configured
channels.

Callers hold `service.Messages`; `model` says what a message is, `outbox` keeps it, `sending`
decides what becomes of an attempt, and each channel to people has a file of its own.
"""
