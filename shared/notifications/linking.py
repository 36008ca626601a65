"""A plain text as HTML shows it: paragraphs of lines, of which URLs become links. Pure."""

from __future__ import annotations

import re

Piece = tuple[str, str]
"""(what is shown, the URL that it leads to; empty: it is no link)."""

_URL = re.compile(r"https?://[\x21-\x7e]{1,2000}", re.IGNORECASE)
_NOT_IN_ONE = re.compile(r"[<>\"'`\\]")
_AFTER = ".,;:!?*_"
"""What a sentence ends in, rather than a URL."""


def paragraphs(text: str) -> list[list[list[Piece]]]:
    """The paragraphs; each has lines, and each line pieces. A link shows its whole URL, so that
    nobody is led anywhere else than it says; only ASCII is taken for one, because names in other
    scripts may look like another's."""
    parts = re.split(r"\n[ \t]*\n\s*", text.strip("\n"))
    return [[pieces(line) for line in part.split("\n")] for part in parts if part.strip()]


def pieces(line: str) -> list[Piece]:
    """The pieces of a line, which together are the line."""
    found: list[Piece] = []
    at = 0
    for match in _URL.finditer(line):
        url = _ended(_NOT_IN_ONE.split(match[0], maxsplit=1)[0])
        if len(url) <= len("https://"):
            continue
        if match.start() > at:
            found.append((line[at : match.start()], ""))
        found.append((url, url))
        at = match.start() + len(url)
    if at < len(line) or not found:
        found.append((line[at:], ""))
    return found


def _ended(url: str) -> str:
    """The URL without what follows it in the sentence."""
    while url:
        shorter = url.rstrip(_AFTER)
        for opens, closes in ("()", "[]", "{}"):
            if shorter.endswith(closes) and shorter.count(closes) > shorter.count(opens):
                shorter = shorter[:-1]
        if shorter == url:
            break
        url = shorter
    return url
