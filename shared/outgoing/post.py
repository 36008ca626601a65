"""Heartbeats: a short text to a URL that a caller chose, only by https. Hosts that HEARTBEAT_HOSTS
or OUTGOING_RANGES names need neither https nor a public address."""

from __future__ import annotations

from shared.errors import Refused, Unavailable
from shared.outgoing.model import Blocked, Limits, Outgoing
from shared.outgoing.places import place
from shared.outgoing.rules import Rules

_LIMITS = Limits(connect=10, first_byte=10, whole=25, body=0)
_HEADERS = {"Content-Type": "text/plain; charset=utf-8"}


class Post:
    """Posts heartbeats through a client whose rules allow what HEARTBEAT_HOSTS names."""

    def __init__(self, client: Outgoing, rules: Rules) -> None:
        self._client = client
        self._rules = rules

    def hold(self, url: str) -> None:
        """Raise `ValueError`, without the URL in its text, unless heartbeats may go there, as far
        as the URL shows it."""
        hold_heartbeat(url, self._rules)

    def __call__(self, url: str, body: bytes, query: str = "", limits: Limits = _LIMITS) -> None:
        """Post `body` as text; whatever a 2xx answer says is not read. No redirect is followed.

        Raises `ValueError` as `hold` does, `Refused` if another attempt cannot help, else
        `Unavailable`.
        """
        self.hold(url)
        to = f"{url}?{query}" if query else url
        status = self._client.request("POST", to, headers=_HEADERS, body=body, limits=limits).status
        host = place(url).host
        if 300 <= status < 400:
            raise Refused(host, f"answered {status}; give the URL to which that leads")
        if status == 429 or status >= 500:
            raise Unavailable(host, f"answered {status}")
        if status >= 400:
            raise Refused(host, f"answered {status}")


def hold_heartbeat(url: str, rules: Rules) -> None:
    """Raise `ValueError`, without the URL in its text, unless heartbeats may go there, as far as
    the URL shows it."""
    if not url.isascii() or "://" not in url:
        raise ValueError("give a URL such as https://hc-ping.com/your-uuid")
    if "?" in url or "#" in url:
        raise ValueError("give a URL without ? and #")
    at = place(url)
    if not at.secure and not rules.exempts(at.host, at.port):
        raise ValueError(
            "give a URL that begins with https://; hosts of your own are named by the setting "
            "HEARTBEAT_HOSTS"
        )
    try:
        rules.hold(at)
    except Blocked as error:
        raise ValueError(str(error)) from None
