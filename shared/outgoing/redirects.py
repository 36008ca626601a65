"""To what request a redirect leads (RFC 9110, 15.4). Pure."""

from __future__ import annotations

from urllib.parse import quote, urljoin

from shared.outgoing.model import Blocked
from shared.outgoing.places import Place, place

_KEEP = frozenset((307, 308))
_STATUSES = _KEEP | {301, 302, 303}
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))


def target(at: Place, status: int, location: str | None) -> Place | None:
    """Where the answer of that place leads; None if it leads nowhere. Raises `Blocked`: from https
    nothing leads to http."""
    if status not in _STATUSES or not location:
        return None
    written = quote(location.strip(), safe=_PRINTABLE, encoding="latin-1", errors="replace")
    try:
        found = place(urljoin(at.url, written))
    except ValueError as error:
        raise Blocked(at.host, f"leads to what is no URL of a place: {error}") from None
    if at.secure and not found.secure:
        raise Blocked(found.host, f"{at.host} leads to it without https")
    return found


def method(status: int, before: str) -> str:
    """The method of the next request; GET has no body."""
    if status in _KEEP or before in ("GET", "HEAD"):
        return before
    return "GET" if status == 303 or before == "POST" else before
