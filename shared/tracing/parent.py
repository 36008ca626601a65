"""The text by which a span is named outside its process: W3C's `traceparent`, in headers, in
messages and in rows. https://www.w3.org/TR/trace-context/#traceparent-header
"""

from __future__ import annotations

import re
from typing import NamedTuple

_TEXT = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})"
    r"(?P<more>-.*)?",
    re.ASCII,
)
_RECORDED = 1


class Parent(NamedTuple):
    """A span of which something else is a part."""

    trace: str
    """32 hex digits."""
    span: str
    """16 hex digits."""
    recorded: bool
    """Whether the span is sent to where traces are kept."""

    def text(self) -> str:
        """As a `traceparent`."""
        return f"00-{self.trace}-{self.span}-{int(self.recorded):02x}"


def read(text: object) -> Parent | None:
    """What a `traceparent` says; None for one that is wrong, which counts as none (section 3.2.2.5:
    a new trace begins). Of a later version, the parts that are known are read."""
    found = _TEXT.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None or found["version"] == "ff" or (found["version"] == "00" and found["more"]):
        return None
    if not found["trace"].strip("0") or not found["span"].strip("0"):
        return None
    return Parent(found["trace"], found["span"], bool(int(found["flags"], 16) & _RECORDED))


def trace_id(text: str | None) -> str | None:
    """The id of the trace by which a person finds it; None if there is none, or none is kept."""
    found = read(text)
    return found.trace if found is not None and found.recorded else None
