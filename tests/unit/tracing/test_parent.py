"""A `traceparent` is read as W3C says; one that is wrong counts as none."""

from __future__ import annotations

import pytest

from shared.tracing import trace_id
from shared.tracing.parent import Parent, read
from tests.spans import CALLER, TRACE

SPAN = "00f067aa0ba902b7"


def test_it_is_read_and_written() -> None:
    found = read(CALLER)
    assert found == Parent(TRACE, SPAN, True)
    assert found.text() == CALLER


def test_of_a_later_version_the_known_parts_are_read() -> None:
    assert read(f"cc-{TRACE}-{SPAN}-01-what-comes-then") == Parent(TRACE, SPAN, True)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "nonsense",
        7,
        ["00"],
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-0g",
        f"00-{TRACE[:-1]}\u0661-{SPAN}-01",
    ],
)
def test_what_is_wrong_counts_as_none(text: object) -> None:
    assert read(text) is None


def test_a_trace_that_is_not_kept_is_shown_to_nobody() -> None:
    assert trace_id(CALLER) == TRACE
    assert trace_id(f"00-{TRACE}-{SPAN}-00") is None
    assert trace_id(f"00-{TRACE}-{SPAN}-03") == TRACE, "other flags do not count"
    assert trace_id(None) is None
