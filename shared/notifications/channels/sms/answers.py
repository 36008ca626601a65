"""What an error answer of Twilio means for a text message that we tried to send.

Twilio takes no key by which it would recognise a repetition, so the one question that matters is
whether it may have created the message. By a 4xx it has not. After a 5xx it may have, as Twilio
itself says (https://www.twilio.com/docs/api/errors/20500).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta

from shared.errors import BelfryError, Misconfigured, Refused, Unavailable
from shared.notifications.answers import retry_after
from shared.notifications.channels.sms.codes import Fault, fault
from shared.notifications.model import (
    BadRecipient,
    Later,
    OptedOut,
    Uncertain,
    one_line,
)

SERVICE = "twilio"
_SAID = 300
"""How much of Twilio's text is kept, in units of UTF-16."""
_BUSY = timedelta(minutes=1)
"""The pause after a 429 that asks for none."""
_FULL = timedelta(minutes=15)
"""The pause if a queue is full, or the hours are not allowed."""
_SET_UP = (301, 302, 303, 307, 308, 401, 403, 404)
"""Wrong URL, account or token, if no code says more."""
_NUMBER = re.compile(r"\+?\d[\d\s().-]{5,}\d")
"""A phone number, however it is written: a log must not show it."""


def failure(
    status: int, code: int | str | None, text: str, headers: Mapping[str, str]
) -> BelfryError:
    """The error for an answer other than 2xx to a request that creates a message."""
    said = _said(status, code, text)
    if status == 429:
        return Later(SERVICE, said, _asked(headers, _BUSY))
    if status == 408 or status >= 500:
        return Uncertain(SERVICE, said)
    match fault(code):
        case Fault.NUMBER:
            return BadRecipient(SERVICE, said)
        case Fault.OPTED_OUT:
            return OptedOut(SERVICE, said)
        case Fault.MESSAGE:
            return Refused(SERVICE, said)
        case Fault.SET_UP:
            return Misconfigured(f"{SERVICE}: {said}")
        case Fault.PASSING:
            return Later(SERVICE, said, _asked(headers, _FULL))
        case Fault.UNKNOWN if status in _SET_UP:
            return Misconfigured(f"{SERVICE}: {said}")
    return Unavailable(SERVICE, said)  # of one number it says little, of three in a row much


def without_numbers(text: str) -> str:
    """`text` as one line, without phone numbers."""
    return one_line(_NUMBER.sub("***", text), _SAID)


def _said(status: int, code: int | str | None, text: str) -> str:
    known = f", error {code}" if code is not None and str(code) != str(status) else ""
    said = without_numbers(text)
    return f"answered {status}{known}" + (f": {said}" if said else "")


def _asked(headers: Mapping[str, str], otherwise: timedelta) -> timedelta:
    seconds = retry_after(headers)
    return otherwise if seconds is None else timedelta(seconds=seconds)
