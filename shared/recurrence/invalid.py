"""The error for a wrong recurrence: it names the wrong field, and says what would be right.

It is an `Invalid`, so the API handles it like any other (promise 7), and a `ValueError`, as
Python's own parsers raise.
"""

from __future__ import annotations

from shared.errors import Invalid


class InvalidRecurrence(Invalid, ValueError):
    """The definition is wrong; `field` is the API's name of the wrong field."""
