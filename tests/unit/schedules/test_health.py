"""Whether a schedule is well (C15)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.recurrence import Frequency, Recurrence
from shared.schedules.health import DURATION, Health, ReasonKind, Verdict, examined, stale_since
from shared.schedules.job import Status, job_id
from shared.schedules.model import Definition, LiveJob, Progress, Schedule, Version
from shared.schedules.series import Ran

MADE = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOURLY = Recurrence(frequency=Frequency.HOURLY, start_time=MADE)
MONTHLY = Recurrence(frequency=Frequency.CRON, cron_expression="0 3 1 * *", start_time=MADE)
NOW = MADE + timedelta(days=40)


def schedule(when: Recurrence = HOURLY, *, enabled: bool = True, **progress: object) -> Schedule:
    known = Progress(next_run_at=NOW + timedelta(hours=1), last_run_at=NOW - timedelta(hours=1))
    return Schedule(
        id="one",
        definition=Definition(name="One", task_type="t", recurrence=when, enabled=enabled),
        progress=replace(known, **progress),  # type: ignore[arg-type]
        created_at=MADE,
        updated_at=MADE,
    )


def runs(text: str, seconds: float = 1.0) -> list[Ran]:
    """`+` succeeded, `-` failed, newest first."""
    return [
        Ran(
            job_id=job_id("one", due := NOW - timedelta(hours=place + 1)),
            due_at=due,
            status=Status.SUCCEEDED if sign == "+" else Status.FAILED,
            duration_seconds=seconds,
        )
        for place, sign in enumerate(text)
    ]


def health(text: str, one: Schedule | None = None) -> Health:
    return examined(one or schedule(), runs(text), (), NOW)


def kinds(found: Health) -> set[ReasonKind]:
    return {one.kind for one in found.reasons}


@pytest.mark.parametrize(
    ("text", "verdict", "problems"),
    [
        ("", Verdict.HEALTHY, set()),
        ("+" * 100, Verdict.HEALTHY, set()),
        ("-" + "+" * 24, Verdict.HEALTHY, set()),  # 96 %
        ("-" + "+" * 19, Verdict.LOOK, set()),  # 95 %
        ("-+-+" + "+" * 6, Verdict.LOOK, set()),  # 80 %
        ("+-+-+-" + "+" * 4, Verdict.CRITICAL, set()),  # 70 %
        ("+-" * 5, Verdict.CRITICAL, set()),  # 50 %
        ("+--" * 4, Verdict.CRITICAL, {ReasonKind.SUCCESS_RATE}),
        ("+--+--+--", Verdict.HEALTHY, set()),  # 9 runs
        ("---", Verdict.CRITICAL, {ReasonKind.FAILING}),
        ("--", Verdict.HEALTHY, set()),
        ("--+-", Verdict.HEALTHY, set()),
        ("-" * 10, Verdict.CRITICAL, {ReasonKind.FAILING, ReasonKind.SUCCESS_RATE}),
        ("+" * 100 + "-" * 110, Verdict.HEALTHY, set()),  # what was mended is over
    ],
)
def test_verdict(text: str, verdict: Verdict, problems: set[ReasonKind]) -> None:
    found = health(text)
    assert (found.verdict, {one.kind for one in found.problems}) == (verdict, problems)


def test_what_is_off_has_no_verdict_but_off() -> None:
    assert health("-" * 10, schedule(enabled=False)).verdict is Verdict.OFF
    assert health("-" * 10, schedule(next_run_at=None)).verdict is Verdict.OFF


def test_a_pause_is_critical_and_has_an_alert_of_its_own() -> None:
    found = health("-+", schedule(paused_reason="2 jobs failed", last_run_at=MADE))
    assert (found.verdict, kinds(found)) == (Verdict.CRITICAL, {ReasonKind.PAUSED})
    assert not found.problems


def test_stale_after_seven_days_without_a_run_that_was_expected() -> None:
    last = NOW - timedelta(days=7)
    assert stale_since(schedule(last_run_at=last), (), NOW) == last + timedelta(hours=1)
    assert stale_since(schedule(last_run_at=last + timedelta(seconds=1)), (), NOW) is None
    assert kinds(health("+", schedule(last_run_at=last))) == {ReasonKind.STALE}


def test_never_ran() -> None:
    never = schedule(last_run_at=None)
    assert stale_since(never, (), MADE + timedelta(days=6)) is None
    assert stale_since(never, (), MADE + timedelta(days=8)) is not None


def test_once_a_month_is_not_stale_in_between() -> None:
    first = datetime(2026, 4, 1, 3, tzinfo=UTC)
    one = schedule(MONTHLY, last_run_at=first)
    due = datetime(2026, 5, 1, 3, tzinfo=UTC)
    for day in range(30):
        assert stale_since(one, (), first + timedelta(days=day)) is None
    assert stale_since(one, (), due + timedelta(hours=1)) is None, "it may be at it"
    assert stale_since(one, (), due + timedelta(days=1)) == due


def test_what_was_off_for_long_is_not_stale_when_it_is_turned_on() -> None:
    one = schedule(last_run_at=MADE)
    on = NOW - timedelta(days=1)
    version = Version(schedule_id="one", revision=2, since=on, recurrence=HOURLY, reason="on")
    assert stale_since(one, [version], NOW) is None
    assert stale_since(one, [version], on + timedelta(days=7)) is not None


def test_what_is_running_off_paused_or_once_is_not_stale() -> None:
    running = LiveJob(id="one-x", due_at=MADE, available_at=MADE, attempt=1, worker="w")
    assert stale_since(schedule(last_run_at=MADE, live=(running,)), (), NOW) is None
    again = replace(running, id="one-x-b3f9k2")
    assert stale_since(schedule(last_run_at=MADE, live=(again,)), (), NOW), "a backfill is no run"
    assert stale_since(schedule(last_run_at=MADE, enabled=False), (), NOW) is None
    assert stale_since(schedule(last_run_at=MADE, paused_reason="x"), (), NOW) is None
    once = Recurrence(frequency=Frequency.ONCE, start_time=MADE + timedelta(hours=1))
    assert stale_since(schedule(once, last_run_at=MADE), (), NOW) is None


def test_a_run_unlike_those_before_wants_a_look_and_says_what_was_usual() -> None:
    jobs = runs("+" * 60, 40.0)
    jobs[0] = replace(jobs[0], duration_seconds=0.1, metrics={"rows": 0})
    jobs[1:] = [replace(one, metrics={"rows": 1000 + n % 7}) for n, one in enumerate(jobs[1:])]
    found = examined(schedule(), jobs, (), NOW)
    assert found.verdict is Verdict.LOOK and set(found.unusual) == {"rows", DURATION}
    texts = [one.text for one in found.reasons]
    assert "duration_seconds was 0.1; usual is about 40, of 59 runs" in texts
    assert any(text.startswith("rows was 0; usual is about 1,003") for text in texts)


def test_a_run_that_failed_is_compared_with_nothing() -> None:
    jobs = runs("-" + "+" * 60, 40.0)
    jobs[0] = replace(jobs[0], duration_seconds=0.1)
    assert examined(schedule(), jobs, (), NOW).metrics == {}
