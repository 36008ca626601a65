"""One line for each event, with times in one form."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared.log import Event, JobLog, event

_logger = logging.getLogger("belfry.test")
AT = datetime(2026, 11, 21, 9, 8, tzinfo=UTC)
ELSEWHERE = AT.astimezone(timezone(timedelta(hours=-5)))


@pytest.mark.parametrize("at", [AT, ELSEWHERE, AT.isoformat()])
def test_an_instant_has_one_form_however_it_is_given(
    at: datetime | str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        event(_logger, Event.NEXT_RUN, next_run_at=at)
    (record,) = caplog.records
    assert record.getMessage() == "next_run next_run_at=2026-11-21T09:08:00Z"
    assert vars(record)["fields"] == {"next_run_at": "2026-11-21T09:08:00Z"}


def test_a_jobs_own_log_has_it_too() -> None:
    log = JobLog(_logger, {}, lambda: "now")
    log("backed up", until=ELSEWHERE)
    assert log.text() == "now INFO backed up until=2026-11-21T09:08:00Z"
