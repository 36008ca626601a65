"""A scrape says what the jobs' rows say, whichever instance answers, and no counter falls."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from local.azurite import Azurite
from shared.access import Role
from shared.alerts.port import AlertKind
from shared.app import App
from shared.engine.records.job_index import JobIndex
from shared.metrics.families import OTHERS
from shared.metrics.service import KEPT
from shared.schedules.job import Status
from shared.storage.tables.batch import Delete
from shared.storage.tables.entities import job_key
from tests.dying import Dying, Killed
from tests.integration.access.asking import Asking, noted
from tests.integration.engine.conftest import Engine, make
from tests.integration.jobs.test_exact import lived
from tests.integration.jobs.truth import pack, sweep
from tests.integration.metrics.scraped import Series, is_counter, scrape, value


def runs(found: dict[Series, float]) -> dict[tuple[str, str], float]:
    """How many ended, by schedule and status, but for zeros."""
    return {
        (dict(labels)["schedule_id"], dict(labels)["status"]): count
        for (name, labels), count in found.items()
        if name == "commandcenter_schedule_runs_total" and count
    }


def true_runs(app: App) -> dict[tuple[str, str], float]:
    found: Counter[tuple[str, str]] = Counter()
    for job in app.table.jobs():
        found[job.schedule_id, job.status.value] += job.count
    return dict(found)


def never_below(before: dict[Series, float], after: dict[Series, float], when: str) -> None:
    fallen = {one: (was, after[one]) for one, was in before.items() if one in after}
    fallen = {one: both for one, both in fallen.items() if is_counter(one) and both[1] < both[0]}
    assert fallen == {}, when
    assert {one for one in before if is_counter(one)} <= after.keys(), when


def settle(engine: Engine) -> None:
    engine.later(70)
    sweep(engine.app)


def test_runs_are_those_of_the_rows_before_and_after_packing(
    engine: Engine, azurite: Azurite
) -> None:
    other = make(azurite, engine.app.settings.prefix, clock=engine.clock, prepared=True)
    lived(engine)
    settle(engine)
    before = scrape(engine.app)
    assert runs(before) == true_runs(engine.app), "some packed, some in the feed"
    pack(engine.app)
    after = scrape(engine.app)
    assert runs(after) == true_runs(engine.app)
    never_below(before, after, "packed")
    assert scrape(other.app) == after, "whichever instance answers"
    engine.app.packing.rebuild(lambda: None)
    rebuilt = scrape(engine.app)
    assert runs(rebuilt) == true_runs(engine.app)
    never_below(after, rebuilt, "rebuilt")


def test_a_schedules_own_series(engine: Engine) -> None:
    good, bad = engine.add(), engine.add("fails", max_attempts=1)
    for _ in range(3):
        engine.later(60)
        engine.tick()
        engine.later(2)
        engine.work()
    settle(engine)
    found = scrape(engine.app)
    assert value(found, "schedule_success_rate", schedule_id=good.id) == 1
    assert value(found, "schedule_success_rate", schedule_id=bad.id) == 0
    rows = [job for job in engine.app.table.jobs() if job.schedule_id == good.id]
    began = max(job.started_at for job in rows if job.started_at)
    at = value(found, "schedule_last_run_timestamp", schedule_id=good.id)
    assert at == int(began.timestamp())
    name = "commandcenter_schedule_execution_duration_seconds"
    took = sum(job.duration_seconds or 0 for job in rows)
    assert value(found, f"{name}_count", schedule_id=good.id) == 3
    assert value(found, f"{name}_sum", schedule_id=good.id) == pytest.approx(took)
    assert value(found, f"{name}_bucket", schedule_id=good.id, le="+Inf") == 3
    assert value(found, "belfry_jobs_total", task_type="fails", status="failed") == 3
    assert value(found, "belfry_dead_letters_total") == 3
    assert value(found, "belfry_job_lateness_seconds_count") == 6
    late = {le: value(found, "belfry_job_lateness_seconds_bucket", le=le) for le in LATE}
    assert late == {"1.0": 0, "5.0": 4, "10.0": 6}, "by 2, 4 and 6 seconds"


LATE = ("1.0", "5.0", "10.0")


def test_schedules_enabled_disabled_due_and_overdue(engine: Engine) -> None:
    engine.add()
    engine.add(enabled=False)
    found = scrape(engine.app)
    assert value(found, "commandcenter_schedules_total", status="enabled") == 1
    assert value(found, "commandcenter_schedules_total", status="disabled") == 1
    assert value(found, "commandcenter_schedules_due") == 0
    engine.later(121)  # the first run was handed out when it was created
    found = scrape(engine.app)
    assert value(found, "commandcenter_schedules_due") == 1
    assert value(found, "belfry_schedules_overdue") == 0
    engine.later(70)
    assert value(scrape(engine.app), "belfry_schedules_overdue") == 1
    engine.tick()
    assert value(scrape(engine.app), "commandcenter_schedules_due") == 0


def test_the_engines_own(engine: Engine) -> None:
    engine.add()
    engine.app.clocks.tick("test")
    engine.later(65)
    engine.app.clocks.tick("test")
    engine.later(30)
    engine.app.alerts().open(AlertKind.CLOCK_SILENT, "x", "a clock is silent")
    found = scrape(engine.app)
    assert value(found, "belfry_tick_age_seconds") == 30
    assert value(found, "belfry_clock_age_seconds", clock="test") == 30
    assert (value(found, "belfry_queue_messages", queue="clock") or 0) >= 1
    assert value(found, "belfry_queue_messages", queue="jobs_poison") == 0
    assert value(found, "belfry_alerts_open", kind=AlertKind.CLOCK_SILENT.value) == 1
    assert value(found, "belfry_notifications_pending", state="due") is not None
    engine.later(300)
    assert (value(scrape(engine.app), "belfry_tick_age_seconds") or 0) > 300


def test_series_are_bounded_and_the_rest_is_counted_together(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine.app.packing, "_shown", 2)
    made = [engine.add(project_id=number) for number in (1, 1, 2, 2)]
    seen: dict[Series, float] = {}
    for _ in range(4):
        engine.later(60)
        engine.tick()
        engine.work()
        settle(engine)
        for step in (lambda: None, lambda: pack(engine.app)):
            step()
            found = scrape(engine.app)
            # a series that leaves comes back no lower
            later = {one: count for one, count in found.items() if is_counter(one)}
            assert all(later[one] >= seen[one] for one in later if one in seen)
            seen |= later
    ids = {name for name, _ in runs(scrape(engine.app))}
    assert len(ids - {OTHERS}) == 2 and OTHERS in ids
    assert ids - {OTHERS} <= {one.id for one in made}


@pytest.mark.parametrize("what", ["pack", "rebuild"])
def test_killed_at_any_write_nothing_falls_and_nothing_counts_twice(
    engine: Engine, azurite: Azurite, what: str
) -> None:
    lived(engine)
    settle(engine)
    prefix, before = engine.app.settings.prefix, scrape(engine.app)
    for number in range(1, 40):
        dying = make(
            azurite, prefix, clock=engine.clock, transport=Dying(number - 1), prepared=True
        )
        try:
            pack(dying.app) if what == "pack" else dying.app.packing.rebuild(lambda: None)
        except Killed:
            found = scrape(engine.app)
            never_below(before, found, f"{what} killed before write {number}")
            assert runs(found) == true_runs(engine.app), f"{what} killed before write {number}"
            continue
        assert number > 3
        break
    found = scrape(engine.app)
    never_below(before, found, what)
    assert runs(found) == true_runs(engine.app)


def test_counts_outlast_a_dropped_index_and_removed_rows(engine: Engine) -> None:
    lived(engine)
    settle(engine)
    pack(engine.app)
    before = scrape(engine.app)
    engine.app.jobs._feed.drop()
    never_below(before, scrape(engine.app), "dropped")
    jobs = [job for job in engine.app.table.jobs() if job.status is Status.SUCCEEDED]
    table = engine.app.connection.table(f"{engine.app.settings.prefix}schedules")
    for job in jobs:
        shard = engine.app.table.shard(job.schedule_id)
        assert table.transact(shard, [Delete(job_key(job.id))]).committed
    pack(engine.app)
    never_below(before, scrape(engine.app), "built anew of fewer rows")


def test_a_key_of_some_projects_sees_their_series_alone(engine: Engine) -> None:
    mine, theirs = engine.add(project_id=1), engine.add("fails", project_id=2, max_attempts=1)
    engine.later(60)
    engine.tick()
    engine.work()
    settle(engine)
    client = Asking(engine.app)
    admin = client.key(Role.ADMIN)
    assert client.ask("GET", "/metrics").status_code == 401
    answer = client.ask("GET", "/metrics", client.key(Role.VIEWER, 1))
    assert answer.status_code == 200
    assert mine.id in answer.text and theirs.id not in answer.text
    assert 'task_type="fails"' not in answer.text
    assert "belfry_tick_age" not in answer.text and "belfry_queue" not in answer.text
    assert 'commandcenter_schedules_total{status="enabled"} 1.0' in answer.text
    engine.later(KEPT.total_seconds())
    everything = client.ask("GET", "/metrics", admin).text
    assert mine.id in everything and theirs.id in everything
    assert client.ask("GET", "/metrics?x=1", admin).status_code == 422


def test_an_answer_is_kept_for_some_seconds(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = noted(monkeypatch, JobIndex, "totals")
    engine.app.metrics.text(None)
    engine.later(KEPT.total_seconds() - 1)
    engine.app.metrics.text(None)
    assert len(read) == 1
    engine.app.metrics.text(frozenset({1}))
    assert len(read) == 2, "who sees something else gets an answer of his own"
    engine.later(1)
    engine.app.metrics.text(None)
    assert len(read) == 3
    engine.clock.advance(-timedelta(hours=1))
    engine.app.metrics.text(None)
    assert len(read) == 4, "the clock was set back"


def test_it_is_what_prometheus_asks_for(engine: Engine) -> None:
    """https://prometheus.io/docs/practices/naming/ and the rules of `promtool check metrics`; the
    names that people's dashboards use already may break them."""
    lived(engine)
    settle(engine)
    engine.app.clocks.tick("test")
    found = list(text_string_to_metric_families(engine.app.metrics.text(None).decode()))
    assert len({one.name for one in found}) == len(found)
    for one in found:
        assert one.documentation.endswith("."), one.name
        assert re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", one.name)
        assert one.type in ("counter", "gauge", "histogram"), one.name
        if one.name.startswith("belfry_"):
            assert one.type == "counter" or not one.name.endswith("_total")
            assert not re.search("milli|_ms$|minutes|hours|counter|gauge|histogram", one.name)
        for sample in one.samples:
            if one.type == "counter":
                assert sample.name.endswith("_total")
            assert all(re.fullmatch("[a-z_]+", label) for label in sample.labels)
    buckets = [one for one in found if one.type == "histogram"]
    assert len(buckets) == 2
    for one in buckets:
        last: dict[str, float] = {}
        for sample in one.samples:
            of = sample.labels.get("schedule_id", "")
            if sample.name.endswith("_bucket"):
                assert sample.value >= last.get(of, 0), "cumulative"
                last[of] = sample.value
            if sample.name.endswith("_count"):
                assert sample.value == last[of]
