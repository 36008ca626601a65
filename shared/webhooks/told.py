"""What is kept of an answer: the beginning of its head and body, without secrets. Pure.

The receiver may be hostile, and may send back what it was sent. So the text is cleaned and cut, and
the webhook's own secrets are taken out, besides what looks like a secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from unicodedata import category
from urllib.parse import urlsplit

from shared.outgoing.model import Answer
from shared.redaction import redact
from shared.settings import Secret
from shared.text import clean, cut

_HEAD, _BODY = 1_000, 500
"""The most characters that are kept."""
_READ = 2_000
"""Bytes of a body that are looked at: a secret that is cut there lies beyond what is kept."""
_HEADERS = 30
_LINE = 300
_HIDDEN = ("cookie", "authorization", "token", "secret", "key")
"""Parts of the names of headers whose values are not kept."""


def head_of(answer: Answer, secrets: Iterable[str]) -> str:
    """The first headers, one a line."""
    secrets = list(secrets)
    lines = [_header(name, value, secrets) for name, value in answer.headers[:_HEADERS]]
    return cut("\n".join(lines), _HEAD)


def body_of(answer: Answer, secrets: Iterable[str]) -> str:
    """The first characters of the body; of one that is compressed, how large it is."""
    how = (answer.header("content-encoding") or "identity").strip().lower()
    if how != "identity":
        return f"({len(answer.body)} bytes in {cut(_safe(how, ()), 20)})" if answer.body else ""
    return cut(_safe(answer.body[:_READ].decode(errors="replace"), secrets), _BODY)


def hidden(secrets: Mapping[str, Secret]) -> list[str]:
    """What must not be kept of a webhook's secrets: each, and the path and query of its URL."""
    found = [one.reveal() for one in secrets.values()]
    if url := secrets.get("url"):
        parts = urlsplit(url.reveal())
        found += [f"{parts.path}?{parts.query}", parts.path, parts.query]
        found += [one for one in parts.path.split("/") if len(one) >= _LONG]
    return sorted({one for one in found if len(one) >= _LEAST}, key=len, reverse=True)


_LEAST, _LONG = 6, 12
"""A shorter part of a path would be found in any text."""


def without(text: str, secrets: Iterable[str]) -> str:
    """The text without those secrets."""
    for one in secrets:
        text = text.replace(one, "***")
    return text


def _header(name: str, value: str, secrets: Iterable[str]) -> str:
    if any(part in name.lower() for part in _HIDDEN):
        value = "***"
    return cut(_safe(f"{name}: {value}".replace("\n", " "), secrets), _LINE)


def _safe(text: str, secrets: Iterable[str]) -> str:
    kept = "".join(one for one in clean(text) if one in "\n\t" or category(one)[0] != "C")
    return redact(without(kept, secrets))
