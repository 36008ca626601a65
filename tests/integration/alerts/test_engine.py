"""What happens to jobs and schedules reaches people, whoever is killed when."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from local.azurite import Azurite
from shared.alerts.port import AlertKind
from shared.recurrence import Frequency, Recurrence
from shared.schedules.job import Job, Status
from shared.storage.tables.batch import Upsert
from tests.integration.alerts.conftest import Desk, desk_of
from tests.integration.engine.conftest import START, tap
from tests.integration.notifications.vendors import Vendors


@pytest.fixture(autouse=True)
def tapped(desk: Desk) -> None:
    tap(desk.engine)


def notes(desk: Desk) -> list[str]:
    table = desk.engine.app.table
    return [one.key for shard in table.shards for one in table.troubles(shard, 100)]


def fail(desk: Desk, task_type: str = "refused", **changes: Any) -> str:
    """The id of a schedule of which one job has just failed."""
    made = desk.engine.add(task_type, **changes)
    desk.later(seconds=60)
    desk.engine.tick()
    (job,) = desk.engine.work()
    assert job.status is Status.FAILED
    return made.id


def test_a_dead_job_is_told_as_soon_as_its_worker_is_done(desk: Desk) -> None:
    made = fail(desk)
    (key,) = notes(desk)
    assert key.startswith(f"alert:job_dead:{made}-")
    desk.engine.app.clocks.stand_in()
    assert desk.said() == [f"Job dead: {made}"]
    assert notes(desk) == []
    text = desk.entries("slack")[0].text
    assert "wrong password" in text and f"job {made}-" in text and "task refused" in text


def test_if_the_worker_is_killed_the_monitor_of_another_process_tells_it(desk: Desk) -> None:
    made = fail(desk)
    other = desk.another()
    other.watch()
    assert other.said() == [f"Job dead: {made}"] and notes(desk) == []
    desk.engine.app.clocks.stand_in()
    desk.watch()
    assert len(desk.said()) == 1


def test_if_the_monitor_is_killed_after_it_counted_the_next_one_counts_nothing_twice(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(desk)
    victim = desk.another()

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(victim.engine.app.table, "settled", killed)
    with pytest.raises(KeyboardInterrupt):
        victim.watch()
    assert len(notes(desk)) == 1
    desk.watch()
    assert notes(desk) == [] and len(desk.said()) == 1
    assert desk.alerts.all(1)[0].count == 1


def test_a_run_that_goes_well_leaves_no_note_and_a_requested_one_that_fails_neither(
    desk: Desk,
) -> None:
    desk.engine.add()
    bad = desk.engine.add("refused", recurrence=_yearly())
    desk.later(seconds=60)
    desk.engine.tick()
    asked = desk.engine.app.manager.run_now(bad.id, force=True)
    ended = {job.id: job.status for job in desk.engine.work()}
    assert len(ended) == 2 and ended[asked.job_id] is Status.FAILED
    assert notes(desk) == []


def test_an_outage_of_months_is_one_event_with_its_count(desk: Desk) -> None:
    made = desk.engine.add(misfire_grace_seconds=30)
    desk.later(days=60)
    desk.engine.tick()
    assert len(notes(desk)) == 1
    desk.watch()
    (subject,) = desk.said()
    (alert,) = desk.alerts.all(1)
    assert alert.count > 80_000 and f"{alert.count} times: {made.id}" in subject
    assert "runs due from 2026-03-01T12:0" in desk.entries("slack")[0].text


def test_a_schedule_that_is_paused_is_told(desk: Desk) -> None:
    made = fail(desk, pause_after_failures=1)
    desk.watch()
    assert sorted(desk.said()) == [f"Job dead: {made}", f"Schedule paused: {made}"]
    assert any("1 jobs failed one after another" in one.text for one in desk.entries("slack"))


def test_what_the_backup_monitor_tells_is_not_told_twice(desk: Desk) -> None:
    table = desk.engine.app.table
    jobs = [_failed("nightly", number, task) for number, task in enumerate(["fails", "backup"])]
    assert table.end(jobs) == [True, True]
    desk.alerts._gathering._covered = frozenset(["backup"])
    desk.watch()
    assert desk.alerts.all(1)[0].count == 1 and notes(desk) == []


def test_a_storm_in_one_transaction_is_one_message(desk: Desk) -> None:
    table = desk.engine.app.table
    jobs = [_failed(f"s{number}", 0, "fails") for number in range(400)]
    assert all(table.end(jobs))
    assert all(not won for won in table.end([replace(job, worker="other") for job in jobs]))
    desk.engine.app.clocks.stand_in()
    desk.run(100)
    assert desk.alerts.all(1)[0].count == 400
    assert len(desk.said()) <= 3
    assert desk.said()[-1] == "Over: Job dead, 400 in all"


def test_a_note_that_cannot_be_read_keeps_none_back(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    table = desk.engine.app.table
    made = fail(desk)
    for kind in ("job_dead", "from the future"):
        row = Upsert(f"alert:{kind}:aaa", {"kind": kind})
        table._table.transact(table.shard(made), [row])
    desk.watch()
    assert desk.said() == [f"Job dead: {made}"] and notes(desk) == []
    assert caplog.text.count("alert_unreadable") == 2


def test_with_nothing_noted_a_look_is_a_query_for_each_shard(desk: Desk) -> None:
    """However many schedules there are."""
    desk.watch()
    table: Any = desk.engine.app.table._table
    asked: list[str] = []
    query = table.query

    def counted(where: str, **more: Any) -> Any:
        asked.append(where)
        return query(where, **more)

    table.query = counted
    desk.watch()
    assert len(asked) == len(desk.engine.app.table.shards)
    assert all("RowKey ge 'alert:' and RowKey lt 'alert;'" in one for one in asked)


def test_a_process_that_is_killed_for_good_has_lost_nothing(
    azurite: Azurite, post: Vendors, desk: Desk
) -> None:
    """With -9, between the row and the telling."""
    env = {"AzureWebJobsStorage": azurite.connection_string, **desk.environ}
    env["BELFRY_PREFIX"] = desk.engine.app.settings.prefix
    env["SCHEDULE_SHARDS"] = "2"
    victim = subprocess.Popen(
        [sys.executable, "-c", _VICTIM, json.dumps(env)], stdout=subprocess.PIPE, text=True
    )
    assert victim.stdout is not None and victim.stdout.readline() == "decided\n"
    victim.send_signal(signal.SIGKILL)
    assert victim.wait(30) == -signal.SIGKILL
    victim.stdout.close()
    assert desk.said() == []
    desk.watch()
    assert desk.said() == ["Clock silent: x"]
    assert len(post.to("slack")) == 1


_VICTIM = """
import json, signal, sys
from shared import settings
from shared.alerts.port import AlertKind
from shared.alerts.telling import Teller
from shared.app import build
from shared.clock import SystemClock
from shared.notifications import channels
from shared.tasks import Registry

def halt(*_):
    print("decided", flush=True)
    signal.pause()

Teller.tell = halt
read = settings.from_env(json.loads(sys.argv[1]), channels=channels.declared())
build(read, SystemClock(), Registry([])).alerts().open(AlertKind.CLOCK_SILENT, "x", "t")
"""


def test_who_is_told_is_said_by_the_settings(azurite: Azurite, post: Vendors, company: Any) -> None:
    routes = "clock_*: mail:night@example.com; job_dead: none"
    one = desk_of(azurite, post, company, ALERT_ROUTES=routes)
    one.engine.app.table.end([_failed("nightly", 0, "fails")])
    one.watch()
    assert one.entries() == []
    silent = one.engine.app.clocks._alarm._alerts
    silent.open("clock_silent", "x", "t")
    assert [one.recipient for one in one.entries()] == ["night@example.com"]


def test_what_is_more_than_an_hour_has_place_for_comes_in_one_digest(
    azurite: Azurite, post: Vendors, company: Any
) -> None:
    one = desk_of(azurite, post, company, ALERTS_PER_HOUR="3")
    for number in range(8):
        one.alerts.open(AlertKind.CIRCUIT_OPENED, f"v{number}", "t")
    for number in range(8):
        one.alerts.open(AlertKind.CLOCK_SILENT, f"c{number}", "t")
    said = one.said()
    assert sum(subject.startswith("Circuit opened") for subject in said) == 3
    assert sum(subject.startswith("Clock silent") for subject in said) == 3, "places of their own"
    one.run(65)
    digests = [entry for entry in one.entries() if "more alerts in the hour" in entry.subject]
    assert {entry.channel for entry in digests} == {"slack", "mail"} and len(digests) == 2
    assert digests[0].subject == "10 more alerts in the hour from 12:00 UTC"
    assert "- Circuit opened: v7" in digests[0].text
    one.alerts.open(AlertKind.CIRCUIT_OPENED, "later", "t")
    assert "Circuit opened: later" in one.said()


def _yearly() -> Recurrence:
    return Recurrence(
        frequency=Frequency.CRON, cron_expression="0 0 1 1 *", start_time=START, timezone="UTC"
    )


def _failed(schedule_id: str, number: int, task_type: str) -> Job:
    due = START + timedelta(minutes=number)
    return Job(
        id=f"{schedule_id}-{due:%Y%m%dT%H%M%SZ}",
        schedule_id=schedule_id,
        schedule_name="test",
        project_id=None,
        task_type=task_type,
        status=Status.FAILED,
        due_at=due,
        finished_at=due,
        worker="w",
        error="it broke",
    )
