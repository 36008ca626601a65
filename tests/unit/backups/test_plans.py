"""How a database stands by all its backups, and by each plan's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from shared.backups.model import Outcome
from shared.backups.params import BackupPlan
from shared.backups.status.discovered import Runs
from shared.backups.status.plans import (
    AnyPlan,
    Planned,
    Plans,
    SourceStanding,
    Unreadable,
    by_source,
    planned,
    standings,
)
from shared.backups.store.catalog import Found
from shared.backups.store.entries import Backup, Copy
from shared.errors import NotFound
from shared.recurrence import Recurrence
from shared.schedules.job import Job
from shared.schedules.model import Definition, Schedule
from shared.tasks import JobContext, Params, Registry, Result, task
from tests.unit.backups.test_model import manifest
from tests.unit.backups.test_standing import LONG_AGO, NIGHT, NOW, nightly, proof

HOUR = timedelta(hours=1)
SOURCES = ["postgres", "state"]


def plan(
    name: str, source: str = "postgres", recurrence: Recurrence | None = None, **parts: object
) -> Planned:
    parameters = {"source": source} | parts
    made = schedule(name, parameters, recurrence=recurrence)
    return Planned(made, BackupPlan.model_validate(parameters))


def schedule(
    name: str,
    parameters: Mapping[str, object],
    *,
    task_type: str = "backup",
    recurrence: Recurrence | None = None,
) -> Schedule:
    definition = Definition(
        name=name,
        task_type=task_type,
        task_parameters=parameters,
        recurrence=recurrence or nightly(),
    )
    return Schedule(id=name, definition=definition, created_at=LONG_AGO, updated_at=LONG_AGO)


def no_job(job_id: str) -> Job:
    raise NotFound(f"there is no job {job_id!r}")


@task("backup")
def backup(job: JobContext, params: BackupPlan) -> Result:
    """Takes a plan."""
    raise NotImplementedError


@task("other")
def other(job: JobContext, params: Params) -> Result:
    """Takes none."""
    raise NotImplementedError


TASKS = Registry([backup, other])


def taken(
    by: str,
    hours: float = 6,
    *,
    database: str = "shop",
    scope: str = "",
    good: bool = True,
    job_id: str = "job",
) -> Backup:
    """A backup of `postgres`, so many hours old."""
    started = NOW - hours * HOUR
    summary = manifest(
        id=f"{by}{hours}{database}{scope}",
        schedule_id=by,
        job_id=job_id,
        source="postgres",
        database=database,
        scope=scope,
        started_at=started,
        finished_at=started,
    ).summary
    copy = Copy.made("primary", "blob", summary)
    report = proof(started)
    copy.reports.append(report)
    if not good:
        copy.reports[0] = type(report)(
            backup_id="a1", outcome=Outcome.DAMAGED, at=started, job_id="job", how=""
        )
    return Backup(summary, [copy])


def found(*backups: Backup, locked: int = 0) -> Found:
    newest_first = sorted(backups, key=lambda one: one.summary.started_at, reverse=True)
    ids = frozenset(f"locked{n}" for n in range(locked))
    return Found(newest_first, {}, 0, {"primary": ids})


def stands(plans: Sequence[AnyPlan], what: Found) -> list[SourceStanding]:
    runs = Runs(no_job)
    each = [stand for one in plans for stand in standings(one, what, SOURCES, NOW, runs)]
    return list(by_source(each, what, NOW))


def test_the_newest_of_all_plans_is_what_one_can_be_back_to() -> None:
    (row,) = stands([plan("a"), plan("b")], found(taken("a", 30), taken("b", 6)))
    assert (row.source, row.database, row.scope) == ("postgres", "shop", "")
    assert row.best is not None and row.best.summary.schedule_id == "b"
    assert row.sentence == "You can be back to 03:00 in 2 min 14 s, proved 6 h ago"
    assert [(one.schedule_id, one.too_old) for one in row.plans] == [("a", True), ("b", False)]
    assert row.plans[0].sentence.startswith("You can be back to yesterday 03:00")
    assert row.plans[1].sentence == row.sentence


def test_the_time_is_that_of_the_slowest_of_the_last_whichever_plan_took_it() -> None:
    slow = taken("a", 30)
    slow.copies[0].reports = [proof(slow.summary.started_at, 300.0)]
    (row,) = stands([plan("a"), plan("b")], found(slow, taken("b", 6)))
    assert row.sentence == "You can be back to 03:00 in 5 min 00 s, proved 6 h ago"
    assert [one.restore_seconds for one in row.plans] == [300.0, 300.0]
    assert row.took is not None and row.took.restore_seconds == 300.0


def test_what_was_proved_without_a_rule_says_so() -> None:
    one = taken("b", 6)
    (report,) = one.copies[0].reports
    rule = "constraint public.pets.owner"
    one.copies[0].reports = [replace(report, without=(rule,))]
    (row,) = stands([plan("b")], found(one))
    assert row.sentence == f"You can be back to 03:00 in 2 min 14 s, proved 6 h ago without {rule}"


def test_a_plan_without_a_backup_is_with_the_databases_of_its_source() -> None:
    """A new plan must not say of a database that was backed up just now that there is none."""
    (row,) = stands([plan("new"), plan("old")], found(taken("old")))
    assert row.database == "shop" and row.sentence.startswith("You can be back to 03:00")
    new, old = row.plans
    assert (new.schedule_id, new.last_good) == ("new", None)
    assert new.sentence == (
        "There is no proved backup of postgres by this plan; do not rely on one"
    )
    assert old.last_good is not None


def test_each_database_and_each_part_of_one_stands_for_itself() -> None:
    what = found(taken("a"), taken("a", database="crm"), taken("b", scope="schemas x"))
    plans = [plan("a", databases="all"), plan("b", schemas=["x"]), plan("new")]
    rows = stands([*plans, plan("own", "state")], what)
    assert [(row.source, row.database, row.scope) for row in rows] == [
        ("postgres", "crm", ""),
        ("postgres", "shop", ""),
        ("postgres", "shop", "schemas x"),
        ("state", "", ""),
    ]
    assert [[one.schedule_id for one in row.plans] for row in rows] == [
        ["a", "new"],
        ["a", "new"],
        ["b", "new"],
        ["own"],
    ]
    assert rows[3].sentence == "There is no proved backup of state; do not rely on one"


def test_a_backup_counts_though_its_plan_is_gone_or_was_a_run_by_hand() -> None:
    (row,) = stands([plan("new")], found(taken("gone", 9), taken("new", 1, good=False)))
    assert row.best is not None and row.best.summary.schedule_id == "gone"
    assert row.sentence == "You can be back to 00:00 in 2 min 14 s, proved 9 h ago"
    assert [one.last_good for one in row.plans] == [None]
    (row,) = stands([plan("new")], found(taken("gone", 9)))
    assert (row.database, row.plans[0].database) == ("shop", "")


def test_what_no_plan_backs_up_any_more_is_not_told() -> None:
    (row,) = stands([plan("own", "state")], found(taken("gone")))
    assert row.source == "state"


def test_a_time_is_of_the_plan_that_took_it() -> None:
    berlin = plan("b", recurrence=nightly("Europe/Berlin"))
    (row,) = stands([plan("a"), berlin], found(taken("a", 30), taken("b", 6)))
    assert row.sentence.startswith("You can be back to 04:00 Europe/Berlin in")


def test_one_that_is_missing_is_told_with_the_best() -> None:
    (row,) = stands([plan("a"), plan("b")], found(taken("a", 30), taken("b", 54)))
    due = f"{NIGHT:%Y-%m-%d %H:%M} UTC"
    assert row.sentence.endswith(f"and the backup that was due at {due} is missing")


def test_where_there_is_none_the_ones_that_no_key_opens_are_told() -> None:
    (row,) = stands([plan("a")], found(taken("a", good=False), locked=2))
    assert row.sentence == (
        "There is no proved backup of postgres/shop; do not rely on one (there are 2 encrypted "
        "backups that the keys of BACKUP_ENCRYPTION_KEY do not open)"
    )
    (row,) = stands([plan("a")], found(taken("a"), locked=2))
    assert "encrypted" not in row.sentence


def test_what_a_plan_does_not_mean_any_more_is_not_missed() -> None:
    what = found(taken("a", 900), taken("a", 6, scope="schemas x"))
    (row,) = stands([plan("a", schemas=["x"])], what)
    assert (row.scope, row.plans[0].too_old) == ("schemas x", False)
    renamed = found(taken("a", 900, database="old"), taken("a", 6, database="new"))
    assert [one.database for one in stands([plan("a")], renamed)] == ["new"]


def test_a_database_that_never_had_a_backup_is_seen() -> None:
    what = found(taken("a", 6, database="there"), taken("a", 6, database="not meant"))
    rows = stands([plan("a", databases=["there", "never"])], what)
    assert {row.database: row.plans[0].too_old for row in rows} == {"there": False, "never": True}


def test_schedules_whose_task_takes_a_plan_are_plans_though_one_cannot_be_read() -> None:
    fits = schedule("fits", {"source": "postgres"})
    garbled = replace(fits.definition, task_parameters=[1])  # type: ignore[arg-type]
    found = list(
        planned(
            [
                schedule("no", {}, task_type="other"),
                schedule("unknown", {}, task_type="nosuch"),
                schedule("red", {"source": "postgres", "colour": "red"}),
                replace(fits, id="list", definition=garbled),
                fits,
            ],
            TASKS,
        )
    )
    assert [(one.id, type(one)) for one in found] == [
        ("red", Unreadable),
        ("list", Unreadable),
        ("fits", Planned),
    ]
    red, mixed, _ = found
    assert isinstance(red, Unreadable) and isinstance(mixed, Unreadable)
    assert red.error.startswith("task_parameters.colour: ")
    assert red.what_to_do == f"{red.error}; mend it by PATCH /api/v1/schedules/red"
    assert mixed.error == "task_parameters: they are no object"


def test_a_plan_that_was_deleted_is_none_that_is_there() -> None:
    red = schedule("red", {"colour": "red"})
    fits = schedule("fits", {"source": "postgres"})
    gone = [replace(one, id=f"gone_{one.id}", deleted_at=NOW) for one in (red, fits)]
    plans = Plans.of([*gone, red, fits], TASKS)
    assert [one.id for one in plans.good] == ["fits"]
    assert [one.id for one in plans.unreadable] == ["red"]
    assert [one.id for one in plans.deleted] == ["gone_red", "gone_fits"]


def test_what_a_plan_took_that_cannot_be_read_is_seen() -> None:
    (red,) = planned([schedule("red", {"colour": "red"})], TASKS)
    what = found(taken("red", 30), taken("red", 6, database="crm", scope="schemas x"))
    crm, shop = stands([red], what)
    assert (crm.database, crm.scope, shop.database) == ("crm", "schemas x", "shop")
    assert [one.schedule_id for one in (*crm.plans, *shop.plans)] == ["red", "red"]
    assert (crm.plans[0].too_old, shop.plans[0].too_old) == (False, True)
    assert crm.sentence.endswith("proved 6 h ago; its plan cannot be read")
    assert stands([red], found(taken("a"))) == []
