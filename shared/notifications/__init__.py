"""Notifications: what people are told. Each has one recipient, is a row of an outbox, and is sent
once.

Callers use `service.Notifications`. `model` defines a notification, `outbox` stores it, `sending`
decides what happens after an attempt, and each channel to people has a folder in `channels`.
"""
