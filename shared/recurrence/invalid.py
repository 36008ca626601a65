"""What a recurrence that cannot be is refused with: the field at fault, and what would be right.

It is an `Invalid`, so the API answers it as any other (promise 7), and a `ValueError`, as
Python's own parsers raise.
"""

from __future__ import annotations

from shared.errors import Invalid


class InvalidRecurrence(Invalid, ValueError):
    """The definition is wrong; `field` is the API's name of the field at fault."""
