"""A URL in its parts, and how hosts may be written. Pure.

What one library takes for one host, another takes for another one. So there is one form of each
host, and whatever else could be read as a host is refused: numbers that are not four decimal ones
(2130706433, 0x7f.1, 0177.0.0.1, 127.1), zones (fe80::1%eth0), letters outside ASCII (a name of
another script is written as xn--...; circled digits are none), users and passwords before an @.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from shared.outgoing import addresses

PORTS = {"https": 443, "http": 80}
_PLAIN = re.compile(r"[\x21-\x5b\x5d-\x7e]{1,8000}")
"""Printable ASCII without \\, which some take for /."""
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""A last label of this form makes the host an IPv4 address
(https://url.spec.whatwg.org/#ends-in-a-number-checker)."""


@dataclass(frozen=True, slots=True)
class Place:
    """A URL in its parts. Its target may be a secret, so it is not shown."""

    secure: bool
    host: str
    """In its one form: lower case, no dot at the end, no brackets."""
    port: int
    target: str
    """Path and query, as they are sent."""

    def __repr__(self) -> str:
        return f"Place({self.shown})"

    @property
    def scheme(self) -> str:
        return "https" if self.secure else "http"

    @property
    def shown(self) -> str:
        """Host and port, as the header `Host` has them; the port only if it is not the usual."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.shown}{self.target}"

    @property
    def origin(self) -> tuple[bool, str, int]:
        return self.secure, self.host, self.port


def place(url: str) -> Place:
    """The parts of a URL. What follows # is left out, as browsers do. Raises `ValueError`, whose
    text does not contain the URL."""
    if not _PLAIN.fullmatch(url):
        raise ValueError(
            "give a URL of ASCII letters, without spaces and \\, such as https://example.com/path; "
            "write other letters of a path as %.., those of a host as xn--..."
        )
    try:
        parts = urlsplit(url)
        found, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("give a URL such as https://example.com/path") from None
    if parts.scheme not in PORTS or not found:
        raise ValueError("give a URL such as https://example.com/path")
    if parts.username is not None or parts.password is not None:
        raise ValueError("give a URL without a user or a password")
    if port == 0:
        raise ValueError("give a URL with a port from 1 to 65535, or without one")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not target.startswith("/"):
        raise ValueError("give a URL such as https://example.com/path")
    return Place(parts.scheme == "https", host(found), port or PORTS[parts.scheme], target)


def host(text: str) -> str:
    """The one form of a host. Raises `ValueError`, which names it."""
    name = text.lower()
    name = name[1:-1] if name.startswith("[") and name.endswith("]") else name
    address = addresses.parsed(name)
    if address is not None:
        return str(address)
    name = name.removesuffix(".")
    labels = name.split(".")
    if len(name) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise ValueError(f"{text[:300]!r} is no host; give a name such as example.com")
    if _NUMBER.fullmatch(labels[-1]):
        if (address := addresses.parsed(name)) is not None:
            return str(address)
        raise ValueError(f"{name!r} is no host; write an address as four numbers, such as 8.8.8.8")
    return name
