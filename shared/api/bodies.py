"""Bodies of requests: how large one may be, and what is wrong with one that cannot be read."""

from __future__ import annotations

import sys

from fastapi import Request
from fastapi.exceptions import RequestValidationError

MOST = 1_000_000
"""The most bytes of a body. What is kept of one, with each letter escaped, takes less than half."""
JSON = "application/json"
SEND_JSON = f"send it as JSON, with the header Content-Type: {JSON}"
TOO_LARGE = f"it has more than {MOST:,} bytes"

NO_LENGTH = "send its length, in the header Content-Length: without it the host drops the body"


async def not_null(request: Request) -> None:
    """Refuse `null`: a body that may be left out is left out, or an object.

    This is a dependency of the whole API.
    """
    takes_one = request.scope["route"].body_field is not None
    if takes_one and (await request.body()).strip() == b"null":
        raise RequestValidationError([{"type": "model_attributes_type", "loc": ("body",)}])


def unreadable(cause: BaseException | None) -> str | None:
    """What is wrong with a body, by what the JSON parser raised; None for any other cause."""
    match cause:
        case UnicodeDecodeError():
            byte = cause.object[cause.start]
            return f"not {cause.encoding.upper()}: byte {cause.start + 1} is 0x{byte:02x}"
        case RecursionError():
            return "too many lists and objects stand in each other"
        case ValueError():  # it is JSON, but Python takes no integer of so many digits
            return f"it holds an integer of more than {sys.get_int_max_str_digits():,} digits"
    return None
