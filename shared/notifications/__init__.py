"""Notifications: what people are told, one row for each recipient in an outbox, each sent once.

Callers hold `service.Notifications`; `model` says what a notification is, `outbox` keeps it,
`sending` decides what becomes of an attempt, and each channel to people has a folder in `channels`.
"""
