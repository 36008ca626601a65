"""What is shown is what is: percent, durations, why something is refused."""

from __future__ import annotations

import pytest

from tests.integration.schedules.conftest import Counter

EVERY_MINUTE = {"frequency": "interval", "interval_seconds": 60}


def run(counter: Counter, times: int = 1) -> None:
    for _ in range(times):
        counter.engine.later(60)
        counter.engine.tick()
        counter.engine.work()


def test_the_success_rate_is_in_percent_with_one_decimal(counter: Counter) -> None:
    made = counter.made(**EVERY_MINUTE)
    assert made["success_rate"] is None
    run(counter, 2)
    assert counter.read(made)["success_rate"] == 100
    counter.stored(made, failure_count=1)
    assert counter.read(made)["success_rate"] == 66.7


def test_a_job_that_is_cancelled_between_two_attempts_has_no_duration(counter: Counter) -> None:
    """It ended long after its last attempt did."""
    counter.made(**EVERY_MINUTE, task_type="fails", retry_delay_seconds=600)
    counter.engine.later(60)
    (message,) = counter.engine.messages()
    assert counter.engine.app.worker.work(message) == []
    counter.engine.later(300)
    job = counter.told("POST", f"/jobs/{message.job_ids[0]}/cancel")
    assert (job["status"], job["attempt"], job["duration_seconds"]) == ("cancelled", 1, None)
    assert job["started_at"] is not None and job["lateness_seconds"] == 1


def test_a_paused_schedule_is_not_run_and_says_that_it_is_paused(counter: Counter) -> None:
    made = counter.made(**EVERY_MINUTE, task_type="refused", pause_after_failures=1)
    run(counter)
    answer = counter.ask("POST", f"/schedules/{made['id']}/execute")
    assert answer.status_code == 409
    said = answer.json()["detail"]
    assert "is paused: 1 jobs failed" in said and "enable it, or send" in said


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("page=1&page=2", "page"),
        ("enabled=true&enabled=false", "enabled"),
        ("enabled=true&enabled=true", "enabled"),
    ],
)
def test_a_filter_that_is_given_twice_is_refused(counter: Counter, query: str, field: str) -> None:
    """Only the last would count."""
    found, said = counter.wrong("GET", f"/schedules?{query}", None)
    assert found == field and "given twice" in said


@pytest.mark.parametrize(
    "text",
    ["2030-02-30T09:00:00Z", "2030-01-31T24:00:00Z", "2030-01-31T09:00:00+25:00"],
)
def test_a_time_that_there_is_not_is_answered_with_one_that_is_right(
    counter: Counter, text: str
) -> None:
    field, said = counter.refused(start_time=text)
    assert field == "start_time" and "offset, such as 2030-01-31T09:00:00Z" in said


def test_who_executes_what_is_overdue_is_told_the_job_that_starts(counter: Counter) -> None:
    """Not the first that was due, which is too old to start."""
    made = counter.made(frequency="interval", interval_seconds=300)
    counter.engine.later(3000)
    told = counter.told("POST", f"/schedules/{made['id']}/execute")
    counter.engine.work()
    assert counter.engine.calls.started == [told["job_id"]]
