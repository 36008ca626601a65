"""What an error answer of a provider means: whether another attempt may help, and when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime

from shared.errors import BelfryError, Refused, Unavailable
from shared.notifications.model import Later, one_line

_PASSING = (408, 425, 429)
_SAID = 300
"""How much of the provider's text is kept, in units of UTF-16."""
_LONGEST = 86_400.0


def failure(
    service: str,
    status: int,
    text: str,
    headers: Mapping[str, str],
    seconds: object = None,
) -> BelfryError:
    """The error for an answer other than 2xx. `seconds` is the pause that its body asks for.

    A redirect counts as a refusal, because its target must not get our secrets.
    """
    said = one_line(text, _SAID)
    message = f"answered {status}" + (f": {said}" if said else "")
    if status < 500 and status not in _PASSING:
        return Refused(service, message)
    pause = _seconds(seconds) or retry_after(headers)
    if pause is None:
        return Unavailable(service, message)
    return Later(service, message, timedelta(seconds=pause))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The pause in `Retry-After`, in seconds. The header has a number, or an instant by the
    service's own clock (`Date`).

    https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    given = headers.get("Retry-After")
    if given is None or given.strip().isdigit():
        return _seconds(given)
    try:
        end, now = parsedate_to_datetime(given), parsedate_to_datetime(headers.get("Date", ""))
        return _seconds((end - now).total_seconds())
    except (ValueError, TypeError):
        return None


def _seconds(value: object) -> float | None:
    try:
        seconds = float(str(value))
    except ValueError:
        return None
    return min(seconds, _LONGEST) if seconds > 0 else None
