"""The headers of requests: which ones customers may set, and which follow a redirect. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from shared.errors import Invalid

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
"""RFC 9110, 5.6.2."""
_VALUE = re.compile(r"([\x21-\x7e\x80-\xff]([\x20-\x7e\x80-\xff\t]*[\x21-\x7e\x80-\xff])?)?")
"""RFC 9110, 5.5: no control characters, no space at the ends."""
_MOST = 50
_LARGEST = 16_384
"""Bytes, of all of them."""
_OURS = frozenset(
    (
        "accept-encoding",  # nothing is decompressed
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "metadata",  # what Azure's metadata service asks for
        "secret",  # what older endpoints of identities ask for
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-identity-header",  # what the endpoint of the app's identity asks for
    )
)
_HARMLESS = frozenset(("accept", "accept-language", "content-type", "git-protocol", "user-agent"))
"""Those that go on to another origin. Any other may be a secret."""
_OF_BODY = "content-"


def hold_headers(headers: Mapping[str, str], field: str = "headers") -> None:
    """Raise `Invalid` for a header that customers may not set, or that is none. `field`: what the
    caller calls them."""
    if len(headers) > _MOST:
        raise Invalid(field, f"give at most {_MOST}")
    if sum(len(name) + len(value) for name, value in headers.items()) > _LARGEST:
        raise Invalid(field, f"give at most {_LARGEST} characters of them in all")
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name):
            raise Invalid(field, f"{name[:100]!r} is no name of a header; use letters and -")
        if _is_ours(name):
            raise Invalid(field, f"{name} is not yours to set; leave it out")
        if not _VALUE.fullmatch(value):
            raise Invalid(
                field, f"the value of {name} has a line break, a space at an end or a letter that "
                "headers cannot have"
            )  # fmt: skip


def _is_ours(name: str) -> bool:
    """Some servers read _ as -."""
    plain = name.lower().replace("_", "-")
    return plain in _OURS or plain.startswith("proxy-")


def followed(headers: Mapping[str, str], *, elsewhere: bool, without_body: bool) -> dict[str, str]:
    """The headers of the request to which a redirect leads. `elsewhere`: to another origin."""
    return {
        name: value
        for name, value in headers.items()
        if not (elsewhere and name.lower() not in _HARMLESS)
        and not (without_body and name.lower().startswith(_OF_BODY))
    }
