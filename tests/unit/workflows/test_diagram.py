"""Diagrams: no name breaks out of its box; a state has a word. And when intervals are due."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.workflows.diagram import escaped, of_definition, of_run
from shared.workflows.interval import ScheduleConfig, Timing, timing
from shared.workflows.reading import read
from shared.workflows.state import StepStatus

FLOW = read(
    {
        "name": 'a "b" <script>%%{init}',
        "steps": [
            {"id": "first", "task": 'x"]; click s0 "javascript:alert(1)'},
            {"id": "each", "task": "y", "foreach": "[1, 2]", "needs": ["first"], "impact": "B"},
            {"id": "pause", "wait": {"seconds": 1}, "when": "1 < 2"},
            {"id": "told", "wait": {"event": "told"}, "needs": ["each", "pause"]},
            {"id": "ask", "approval": {"title": "?"}, "on_error": "continue"},
            {"id": "sub", "workflow": "other", "compensate": {"task": "z"}},
        ],
    }
).definition


def test_a_definition_is_drawn() -> None:
    assert of_definition(FLOW).splitlines() == [
        "---",
        'title: "a #34;b#34; #60;script#62;#37;#37;#123;init#125;"',
        "---",
        "flowchart TD",
        '  s0["<b>first</b><br/>x#34;#93;#59; click s0 #34;javascript#58;alert(1)"]',
        '  s1["<b>each</b><br/>y<br/>for each of #91;1, 2#93;<br/>class B"]',
        '  s2(["<b>pause</b><br/>wait<br/>when 1 #60; 2"])',
        '  s3>"<b>told</b><br/>event told"]',
        '  s4{{"<b>ask</b><br/>approval<br/>on error: continue"}}',
        '  s5[["<b>sub</b><br/>workflow other<br/>undone by z"]]',
        "  s0 --> s1",
        "  s1 --> s3",
        "  s2 --> s3",
    ]


def test_a_run_says_how_each_step_stands_in_words() -> None:
    drawn = of_run(FLOW, {"first": "succeeded", "each": "running 1/2", "pause": "not_run"})
    assert '<br/>succeeded"]' in drawn and 'class B<br/>running 1/2"]' in drawn
    assert '<br/>not run"])' in drawn and '<br/>waiting"]' in drawn
    assert "  class s3,s4,s5 waiting\n" in drawn and "  class s1 running\n" in drawn
    for status in StepStatus:
        assert f"  classDef {status} " in of_run(FLOW, {"first": status.value})


@given(st.text(max_size=80))
def test_no_text_breaks_out_of_its_box(text: str) -> None:
    shown = escaped(text)
    assert not re.search(r'["<>\[\]{}|`\\;&%#\x00-\x1f\x7f]', re.sub(r"#\d+;", "", shown))
    assert "\u202e" not in shown


NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
HOURLY = ScheduleConfig(enabled=True, interval_minutes=60)


@pytest.mark.parametrize(
    ("last", "due", "next_at"),
    [
        (None, 0, 60),
        (-30, None, 30),
        (-60, 0, 60),
        (-61, -1, 59),
        (-200, -20, 40),  # three slots passed: one run
        (5, None, 65),  # a clock that went back
    ],
)
def test_a_workflow_is_due_once_for_all_slots_that_passed(
    last: int | None, due: int | None, next_at: int
) -> None:
    def at(minutes: int) -> datetime:
        return NOW + timedelta(minutes=minutes)

    found = timing(HOURLY, is_active=True, last_run_at=None if last is None else at(last), now=NOW)
    assert found == Timing(due=None if due is None else at(due), next_at=at(next_at))
    assert timing(HOURLY, is_active=False, last_run_at=None, now=NOW) == Timing(
        due=None, next_at=None
    )
    off = ScheduleConfig(enabled=False, interval_minutes=60)
    assert timing(off, is_active=True, last_run_at=None, now=NOW).due is None


@given(st.integers(1, 2000), st.lists(st.integers(1, 100_000), max_size=30))
def test_slots_do_not_drift_and_none_is_run_twice(minutes: int, waits: list[int]) -> None:
    config = ScheduleConfig(enabled=True, interval_minutes=minutes)
    now, last = NOW, NOW
    for wait in waits:
        now += timedelta(seconds=wait)
        found = timing(config, is_active=True, last_run_at=last, now=now)
        assert found.next_at is not None
        if found.due is None:
            assert now - last < timedelta(minutes=minutes)
            continue
        assert last < found.due <= now < found.next_at
        assert (found.due - NOW) % timedelta(minutes=minutes) == timedelta(0)
        last = found.due
