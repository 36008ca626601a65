"""Which names mean nothing on the public internet. Pure.

The platform's resolver also knows the names of inner networks, and a search list may complete a
name of one label.
"""

from __future__ import annotations

import re

_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)", re.ASCII)
_INNER = (
    *("localhost", "local", "internal", "intranet", "lan", "home", "corp", "private"),
    *("home.arpa", "internal.cloudapp.net"),
)
"""Below these are the names of inner networks (RFC 6761, RFC 6762, RFC 8375, ICANN's `internal`),
or the platform's own."""
_NOBODYS = ("test", "example", "invalid", "onion", "alt", "arpa")
"""Below these no name server has a customer's records (RFC 6761, RFC 7686, RFC 9476)."""
_PRIVATE_LINK = "privatelink"
"""A label of the names that Azure gives to private endpoints."""


def is_inner(name: str) -> bool:
    """Whether a host's name, in its one form (`places.host`), is one of an inner network."""
    return "." not in name or _is_below(name, _INNER) or _PRIVATE_LINK in name.split(".")


def hold_record(name: str) -> None:
    """Raise `ValueError` unless it is a name of which customers may ask for records."""
    plain = name.rstrip(".").lower()
    labels = plain.split(".")
    if len(plain) > 253 or len(labels) < 2 or not all(map(_LABEL.fullmatch, labels)):
        raise ValueError("give a name such as www.example.org")
    if is_inner(plain) or _is_below(plain, _NOBODYS) or labels[-1].isdigit():
        raise ValueError("it is no name on the public internet")


def _is_below(name: str, ends: tuple[str, ...]) -> bool:
    return any(name == one or name.endswith(f".{one}") for one in ends)
