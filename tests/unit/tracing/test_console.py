"""On a console, each span is a line of the log, and no more is printed."""

from __future__ import annotations

import logging

import pytest

from shared import tracing
from shared.settings import Tracing, TracingSettings
from shared.tracing.setup import turn_on
from tests.spans import CALLER, TRACE


def test_each_span_is_a_line_that_names_the_one_above(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    finish = turn_on(TracingSettings(to=Tracing.CONSOLE))
    try:
        with tracing.continued(CALLER), tracing.span("tick", tracing.Kind.SERVER, clock="test"):
            with tracing.call("POST", "https://api.telegram.org/bot12345:hush/send") as call:
                call.answered(200)
            with tracing.span("works", tracing.Kind.CONSUMER, job_id="j") as work:
                work.fail("OSError", "postgresql://u:hush@h/d did not answer")
    finally:
        finish()
    call_line, work_line, tick_line = (record.getMessage() for record in caplog.records)
    assert tick_line.startswith("span name=tick kind=server milliseconds=")
    assert f"clock=test trace_id={TRACE} span_id=" in tick_line
    assert tick_line.endswith("parent_id=00f067aa0ba902b7")
    (tick_id,) = (word[8:] for word in tick_line.split() if word.startswith("span_id="))
    assert f"parent_id={tick_id}" in call_line and f"parent_id={tick_id}" in work_line
    assert "server.address=api.telegram.org" in call_line and 'name="POST api' in call_line
    assert 'error="OSError: postgresql://' in work_line
    assert "hush" not in caplog.text


def test_once_it_is_finished_no_more_spans_are_made() -> None:
    finish = turn_on(TracingSettings(to=Tracing.CONSOLE))
    finish()
    with tracing.span("late") as late:
        assert (late.traceparent, tracing.is_on()) == (None, False)
