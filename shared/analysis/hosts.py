"""Which hosts repositories may be fetched from. Pure."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from shared.errors import Invalid

ANY = "*"
"""Any public host."""


def hold(url: str, allowed: Collection[str], field: str = "repository_id") -> None:
    """Raise `Invalid`, which does not say the URL, unless repositories may be fetched from there.
    `allowed`: hosts, also as `host:port`; `*.example.com` is each below that one."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        host, port = "", None
    if not host or parts.scheme != "https":
        raise Invalid(field, "its URL is not one that begins with https://")
    if parts.username is not None or parts.password is not None:
        raise Invalid(field, "its URL has a user or a password; give a token instead")
    if parts.query or parts.fragment:
        raise Invalid(field, "its URL has ? or #; give the URL that `git clone` takes")
    if not any(_fits(host, port, one) for one in allowed):
        known = ", ".join(sorted(allowed)) or "none"
        raise Invalid(field, f"{host} is no host that repositories are fetched from: {known}")


def _fits(host: str, port: int | None, allowed: str) -> bool:
    name, _, number = allowed.partition(":")
    if number and str(port or 443) != number:
        return False
    if not number and port not in (None, 443):
        return allowed == ANY
    return name in (ANY, host) or (name.startswith("*.") and host.endswith(name[1:]))
