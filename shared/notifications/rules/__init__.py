"""The rules of sending to owners, each a pure function in a file of its own (P9, P11).

A rule decides right before the send, by what is true then, and gives a verdict (`verdict`).
`owner` asks them in turn.
"""
