"""What is kept of the results: once for each job, whoever is killed when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.errors import Invalid, NotFound, Refused, Skipped, Unavailable
from shared.probes.model import Measured, Result, Standing, Thresholds
from shared.probes.params import HealthCheck
from shared.probes.store import Store
from shared.resources.model import Kind
from shared.tasks import Proposed
from tests.integration.probes.conftest import Desk

UP, DOWN = Standing.UP, Standing.DOWN


class Answers:
    """In place of looking: what is found, one after the other."""

    def __init__(self, desk: Desk, *found: Standing) -> None:
        self.left = list(found)
        self.looked = 0
        desk.probes._look = self._look  # type: ignore[method-assign, assignment]

    def _look(self, *_: Any) -> Measured:
        self.looked += 1
        found = self.left.pop(0) if self.left else UP
        return Measured(status=found, milliseconds=10.0 * self.looked, said=f"look {self.looked}")


def sums(desk: Desk, project: int | None = 7, schedule_id: str = "check") -> tuple[int, int, int]:
    """(up, down, runs) of the last 24 hours, and in them as many raw results."""
    now = desk.clock.now()
    tally = desk.store.sums(project, schedule_id, now)[1]["24h"]
    start = now - timedelta(days=1)
    raw = desk.store.results(project, schedule_id, start, now + timedelta(days=1), 1000)
    assert len(raw) == tally.runs
    return tally.up, tally.down, tally.runs


def test_a_run_says_how_the_target_stands_and_fails_while_it_is_down(desk: Desk) -> None:
    Answers(desk, UP, DOWN, DOWN, UP, UP)
    wanted: dict[str, Any] = {
        "url": "http://x.example/",
        "failures_before_down": 2,
        "successes_before_up": 2,
    }
    assert desk.check(**wanted)["status"] == "up"
    first = desk.check(**wanted)
    assert (first["status"], first["found"]) == ("up", "down"), "one bad result decides nothing"
    with pytest.raises(Refused, match="down: look 3"):
        desk.check(**wanted)
    with pytest.raises(Refused, match="down: look 4"):
        desk.check(**wanted)
    assert desk.check(**wanted)["status"] == "up"
    changes = desk.store.changes(7, "check", 10)
    assert [(one.before, one.after, one.said) for one in changes] == [
        (DOWN, UP, "look 5"),
        (UP, DOWN, "look 3"),
    ]
    assert sums(desk) == (3, 2, 5)
    check = desk.store.check(7, "check")
    assert check is not None and check.runs == 5 and check.every == timedelta(minutes=1)
    Answers(desk, DOWN, DOWN)
    calm = wanted | {"fail_when_down": False}
    assert [desk.check(**calm)["status"] for _ in range(2)] == ["up", "down"]


def test_a_job_that_is_killed_after_it_counted_counts_once_and_ends_as_it_would_have(
    desk: Desk,
) -> None:
    answers = Answers(desk, DOWN, UP)
    job = desk.job()
    wanted = HealthCheck(url="http://x.example/")
    with pytest.raises(Refused, match="look 1"):
        desk.probes.check(job, wanted)
    desk.engine.later(5)
    again = desk.job(due=job.due_at, attempt=2)
    with pytest.raises(Refused, match="look 1"):
        desk.probes.check(again, wanted)
    assert answers.looked == 1 and sums(desk) == (0, 1, 1)
    assert len(desk.store.changes(7, "check", 10)) == 1


def test_a_job_that_is_killed_before_it_counted_looks_again_and_counts_once(desk: Desk) -> None:
    answers = Answers(desk)
    job, real = desk.job(), desk.store._transact

    def killed(*_: Any) -> bool:
        raise Unavailable("table storage", "the worker was killed here")

    desk.store._transact = killed  # type: ignore[method-assign, assignment]
    with pytest.raises(Unavailable):
        desk.probes.check(job, HealthCheck(url="http://x.example/"))
    desk.store._transact = real  # type: ignore[method-assign]
    desk.probes.check(desk.job(due=job.due_at, attempt=2), HealthCheck(url="http://x.example/"))
    assert answers.looked == 2 and sums(desk) == (1, 0, 1)


def test_two_workers_that_count_one_job_count_it_once_and_agree(desk: Desk) -> None:
    """As after a lost answer, or when a lease was lost: each looked, and found something else."""
    job = desk.job()
    thresholds = Thresholds()
    other = Store(desk.engine.app.connection, desk.engine.app.health_checks()._open().name)

    def result(status: Standing) -> Result:
        measured = Measured(status=status, milliseconds=5)
        return Result(job_id=job.job_id, at=desk.clock.now(), measured=measured)

    first = desk.store.keep(7, "check", result(UP), thresholds)
    second = other.keep(7, "check", result(DOWN), thresholds)
    assert first.result == second.result and second.change is None
    assert second.check.state.status is UP and sums(desk) == (1, 0, 1)


def test_an_older_result_is_counted_and_changes_nothing_of_now(desk: Desk) -> None:
    Answers(desk, UP)
    desk.check(url="http://x.example/")
    late = Result(
        job_id="check-20260301T115500Z",
        at=desk.clock.now() - timedelta(minutes=5),
        measured=Measured(status=DOWN),
    )
    kept = desk.store.keep(7, "check", late, Thresholds())
    assert kept.check.state.status is UP and kept.change is None
    assert sums(desk) == (1, 1, 2)


def test_old_rows_go_as_new_ones_come(desk: Desk) -> None:
    start = desk.clock.now()

    def keep(number: int, at: datetime) -> None:
        result = Result(
            job_id=f"check-{at:%Y%m%dT%H%M%SZ}",
            at=at,
            measured=Measured(status=DOWN if number % 2 else UP, milliseconds=1),
        )
        desk.store.keep(7, "check", result, Thresholds())

    for number in range(49):
        keep(number, start + timedelta(minutes=number))
    keep(49, start + timedelta(days=4))
    table = desk.engine.app.connection.table(desk.store._open().name)
    keys = [row["RowKey"].partition(":")[0] for row in table.query("")]
    assert keys.count("raw") == 1 and keys.count("event") == 49 and keys.count("day") == 2
    for number in range(50, 150):
        keep(number, start + timedelta(days=410, seconds=number))
    keys = [row["RowKey"].partition(":")[0] for row in table.query("")]
    assert keys.count("raw") == 100 and keys.count("event") == 100 and keys.count("day") == 1


def test_what_a_schedule_did_for_one_project_is_not_seen_by_another(desk: Desk) -> None:
    Answers(desk, DOWN)
    with pytest.raises(Refused):
        desk.check(url="http://x.example/")
    for other in (8, None):
        assert desk.store.check(other, "check") is None
        assert desk.store.checks(other, ["check"]) == {}
        assert desk.store.changes(other, "check", 10) == []
        assert sums(desk, other) == (0, 0, 0)
    assert desk.store.changes(7, "chec", 10) == [] == desk.store.changes(7, "check2", 10)


def test_a_check_looks_at_targets_of_its_own_project_alone(desk: Desk) -> None:
    desk.targets.add("theirs", project=8, kind="http", url="http://x.example/")
    wanted = HealthCheck(target_id="theirs")
    with pytest.raises(Invalid, match="theirs"):
        desk.probes.fits(wanted, Proposed(project_id=7, new=["target_id"]))
    desk.probes.fits(wanted, Proposed(project_id=7))
    with pytest.raises(NotFound, match="theirs"):
        desk.check(target_id="theirs")
    assert desk.store.check(7, "check") is None, "nothing was looked at, and nothing is counted"
    with pytest.raises(Invalid, match="url"):
        desk.probes.fits(HealthCheck(url="http://169.254.169.254/"), Proposed(new=["url"]))
    with pytest.raises(Invalid, match="statuses"):
        desk.probes.fits(HealthCheck(statuses=["200"]), Proposed(project_id=7))
    desk.probes.fits(HealthCheck(url="https://example.org/"), Proposed(new=["url"]))
    desk.probes.fits(HealthCheck(), Proposed())


def test_without_a_target_it_looks_at_belfry_and_tells_nothing_of_what_is_inside(
    desk: Desk,
) -> None:
    desk.engine.tick()
    found = desk.check()
    assert found["status"] == "up" and found["said"] == ""
    assert set(found) == {"status", "found", "response_ms", "said"}
    desk.engine.later(600)
    with pytest.raises(Refused, match="no clock has ticked for over three minutes"):
        desk.check()


def test_the_past_cannot_be_checked(desk: Desk) -> None:
    Answers(desk)
    with pytest.raises(Skipped, match="the present"):
        desk.probes.check(desk.job(due=datetime(2026, 2, 1, tzinfo=UTC)), HealthCheck())
    assert desk.store.check(7, "check") is None


def test_of_many_late_runs_one_looks_and_the_others_say_so(desk: Desk) -> None:
    """After an outage, or in a backfill: all would see the same present."""
    answers = Answers(desk, UP, DOWN, DOWN, DOWN)
    wanted = HealthCheck(url="http://x.example/", failures_before_down=3)
    desk.probes.check(desk.job(), wanted)
    start = desk.clock.now()
    desk.engine.later(3600)
    late = [desk.job(due=start + timedelta(minutes=5 * number)) for number in range(1, 8)]
    assert desk.probes.check(late[3], wanted)["found"] == "down"
    for job in (*late[:3], *late[4:]):
        with pytest.raises(Skipped, match=r"this run was due at .*; another one has looked since"):
            desk.probes.check(job, wanted)
    assert desk.probes.check(late[3], wanted)["status"] == "up", "given back, it counted already"
    beside = Result(
        job_id="check-20260301T120500Z", at=desk.clock.now(), measured=Measured(status=DOWN)
    )
    with pytest.raises(Skipped, match="looked since"):  # which looked at the same moment
        desk.store.keep(7, "check", beside, Thresholds(), start)
    assert answers.looked == 2 and sums(desk) == (1, 1, 2)
    assert desk.probes.check(desk.job(), wanted)["found"] == "down", "the next one is not late"


def test_a_target_that_is_disabled_is_not_looked_at(desk: Desk) -> None:
    desk.targets.add("off", kind="http", url="http://x.example/")
    desk.targets.alter(Kind.TARGET, "off", 7, disabled="disabled by Ana")
    with pytest.raises(Skipped, match="target off is disabled: disabled by Ana"):
        desk.check(target_id="off")
