"""A backfill runs what was due in the past, a few at a time, apart from the schedule's own runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.audit.port import Action
from shared.engine.commands.backfills import Preview, Wish, new_id
from shared.engine.work import pacer
from shared.errors import Conflict, Invalid, NotFound, Unavailable
from shared.recurrence import Frequency, Recurrence
from shared.schedules import backfill
from shared.schedules.backfill import BackfillOrder, BackfillRule, BackfillState
from shared.schedules.job import Status
from shared.schedules.model import LiveJob, Overlap, Schedule
from shared.storage.queues.jobs import Message
from shared.storage.tables.changes import Change
from tests.integration.engine.conftest import START, Engine
from tests.together import together

MINUTE = timedelta(minutes=1)
DAILY = Recurrence(frequency=Frequency.CRON, cron_expression="0 3 * * *")


def past(count: int, **more: Any) -> Wish:
    """The `count` minutes before the schedule existed."""
    return Wish(first=START - count * MINUTE, end=START, **more)


def minutely() -> Recurrence:
    return Recurrence(frequency=Frequency.INTERVAL, interval_seconds=60)


def off(engine: Engine, **changes: Any) -> Schedule:
    """A schedule of each minute that is off, so that only its backfills run."""
    return engine.add(recurrence=minutely(), enabled=False, **changes)


def live(engine: Engine, made: Schedule) -> Sequence[LiveJob]:
    return engine.app.manager.get(made.id).progress.live


def run_out(engine: Engine) -> list[str]:
    """Work until no message is sent any more; the jobs that ran."""
    while engine.work():
        pass
    return engine.calls.started


def test_it_runs_each_due_time_of_the_range_one_after_another(engine: Engine) -> None:
    made = off(engine)
    started = engine.app.backfills.start(made.id, past(3))
    assert (started.state, started.order.total, started.unfinished) == (BackfillState.RUNNING, 3, 1)
    assert len(engine.app.manager.get(made.id).progress.live) == 1, "one at a time"
    ran = run_out(engine)
    stamps = ["20260301T115700Z", "20260301T115800Z", "20260301T115900Z"]
    assert ran == [f"{made.id}-{stamp}-{started.order.id}" for stamp in stamps]
    after = engine.app.backfills.get(made.id, started.order.id)
    assert (after.state, after.counts.succeeded, after.remaining) == (BackfillState.DONE, 3, 0)
    job = engine.app.manager.job(ran[0])
    assert (job.due_at, job.backfill, job.manual) == (START - 3 * MINUTE, started.order.id, True)
    assert job.lateness_seconds is None


def test_it_counts_neither_in_the_schedule_nor_in_the_ledger(engine: Engine) -> None:
    made = engine.add("refused", recurrence=minutely(), max_runs=5, pause_after_failures=1)
    started = engine.app.backfills.start(made.id, past(3))
    run_out(engine)
    after = engine.app.manager.get(made.id)
    assert after.is_on and after.progress.run_count == 0
    assert after.progress.handed_out == 1, "its own that waits"
    assert after.progress.failures_in_row == 0
    assert engine.app.backfills.get(made.id, started.order.id).counts.failed == 3
    engine.later(600)
    assert engine.app.ledger.reconcile(lambda: None) is not None
    assert engine.app.control.retry_failed(made.id) == [], "its failed jobs are not the schedule's"


def test_the_newest_may_come_first(engine: Engine) -> None:
    made = off(engine)
    engine.app.backfills.start(made.id, past(4, direction=BackfillOrder.NEWEST))
    ran = run_out(engine)
    assert ran == sorted(ran, reverse=True) and len(ran) == 4


def test_several_run_at_once_where_the_schedules_runs_may(engine: Engine) -> None:
    made = off(engine, overlap=Overlap.ALLOW_ALL)
    started = engine.app.backfills.start(made.id, past(7, pace=3))
    assert started.unfinished == 3
    assert len(run_out(engine)) == 7
    other = off(engine)
    with pytest.raises(Invalid, match=r"overlap: skip.*give 1"):
        engine.app.backfills.start(other.id, past(7, pace=3))


def test_the_ledger_says_which_due_times_there_were(engine: Engine) -> None:
    """On from 12:00:01 to 12:05, off to 12:10, on again: before it existed, the present times."""
    made = engine.add(recurrence=minutely())
    engine.later(299)
    engine.app.manager.enable(made.id, False)
    engine.later(300)
    engine.app.manager.enable(made.id, True)
    engine.later(300)
    wish = Wish(first=START - 2 * MINUTE, end=START + 15 * MINUTE)
    seen = engine.app.backfills.preview(made.id, wish)
    assert (seen.total, seen.first_due_at) == (2 + 1 + 5 + 4, START - 2 * MINUTE)
    assert seen.last_due_at == START + 14 * MINUTE
    throughout = Wish(first=wish.first, end=wish.end, rule=BackfillRule.PRESENT)
    assert engine.app.backfills.preview(made.id, throughout).total == 17


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        (Wish(first=START - MINUTE, end=START + timedelta(days=1)), r"to: .*in the future"),
        (Wish(first=START, end=START - MINUTE), "from: .*not before"),
        (Wish(first=START - timedelta(days=3661), end=START), "from: .*3661 days; give 3660"),
        (past(20_000), "to: .*20000 due times.*10000 at most"),
        (Wish(first=START - timedelta(seconds=59), end=START - timedelta(seconds=1)), "no due"),
    ],
)
def test_what_cannot_be_run_is_refused(engine: Engine, wish: Wish, says: str) -> None:
    made = off(engine)
    with pytest.raises(Invalid, match=says):
        engine.app.backfills.start(made.id, wish)
    assert engine.app.backfills.of(made.id) == []


def test_one_at_a_time_and_the_same_twice_is_one(engine: Engine) -> None:
    made = off(engine)
    name = new_id()
    first = engine.app.backfills.start(made.id, past(2), agreed=lambda _: [name])
    again = engine.app.backfills.start(made.id, past(2), agreed=lambda _: [name])
    assert first.order == again.order
    with pytest.raises(Conflict, match=f"not ended, {name}"):
        engine.app.backfills.start(made.id, past(2))
    with pytest.raises(NotFound):
        engine.app.backfills.get(made.id, "b00000")
    assert len(run_out(engine)) == 2


def test_it_is_cancelled_with_what_waits(engine: Engine) -> None:
    made = off(engine)
    started = engine.app.backfills.start(made.id, past(5))
    engine.work()
    after = engine.app.backfills.cancel(made.id, started.order.id, "enough")
    assert after.state is BackfillState.CANCELLED and after.counts.cancel == "enough"
    assert (after.counts.succeeded, after.counts.cancelled, after.remaining) == (1, 1, 0)
    run_out(engine)
    assert len(engine.calls.started) == 1
    assert engine.app.backfills.cancel(made.id, started.order.id) == after, "harmless"
    assert engine.app.backfills.start(made.id, past(1)).state is BackfillState.RUNNING


def test_a_step_that_was_lost_is_taken_by_the_next_message_or_the_upkeep(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = off(engine)
    engine.app.backfills.start(made.id, past(4))
    pacer = engine.app.worker._pool.outcomes.pacer
    messages = engine.messages()
    with monkeypatch.context() as killed:
        killed.setattr(type(pacer), "step", lambda *_: None)  # killed before the next is handed out
        engine.app.worker.work(messages[0])
    engine.messages()
    engine.app.worker.work(messages[0])  # as its guard does, when the lease ends
    assert len(engine.calls.started) == 1
    with monkeypatch.context() as killed:
        killed.setattr(type(pacer), "step", lambda *_: None)
        engine.work()
    engine.messages()
    assert len(engine.calls.started) == 2
    assert pacer.upkeep(lambda: None) == 1
    assert len(run_out(engine)) == 4 and len(set(engine.calls.started)) == 4
    assert pacer.upkeep(lambda: None) == 0, "nothing is left to look after"


def test_one_that_begins_as_another_ends_is_looked_after(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its note is not removed with that of the other."""
    made = off(engine)
    engine.app.backfills.start(made.id, past(1))
    worker = engine.app.worker._pool.outcomes.pacer
    tell = pacer._tell

    def told(step: backfill.Step) -> None:
        tell(step)
        if step.ended is not None:
            monkeypatch.undo()
            engine.app.backfills.start(made.id, past(2))

    monkeypatch.setattr(pacer, "_tell", told)
    engine.work()
    with monkeypatch.context() as killed:
        killed.setattr(pacer.Pacer, "step", lambda *_: None)
        assert len(engine.work()) == 1
    assert worker.upkeep(lambda: None) == 1
    assert len(run_out(engine)) == 3


def test_the_upkeep_removes_no_note_of_one_that_begins_meanwhile(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = off(engine)
    engine.app.backfills.start(made.id, past(1))
    run_out(engine)
    worker = engine.app.worker._pool.outcomes.pacer
    engine.clock.set(datetime.now(UTC) + timedelta(hours=1))
    read = worker._table.scattered

    def late(ids: Sequence[str]) -> dict[str, Schedule]:
        found = read(ids)
        engine.app.backfills.start(made.id, past(2))
        return found

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(worker._table, "scattered", late)
        worker.upkeep(lambda: None)
    assert worker.upkeep(lambda: None) == 1
    run_out(engine)
    engine.clock.advance(timedelta(hours=1))
    assert worker.upkeep(lambda: None) == 0 and worker._meta.beginning(pacer._OPEN) == {}


def test_one_that_ends_while_it_is_read_is_shown_as_it_ended(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = off(engine)
    started = engine.app.backfills.start(made.id, past(2))
    rows = engine.app.backfills._rows
    get = rows.get

    def ended_one(schedule_id: str, backfill_id: str) -> backfill.Backfill | None:
        monkeypatch.undo()
        run_out(engine)
        return get(schedule_id, backfill_id)

    monkeypatch.setattr(rows, "get", ended_one)
    shown = engine.app.backfills.get(made.id, started.order.id)
    assert (shown.state, shown.counts.succeeded, shown.unfinished) == (BackfillState.DONE, 2, 0)


def test_steps_taken_at_once_hand_out_each_job_once(engine: Engine) -> None:
    made = off(engine, overlap=Overlap.ALLOW_ALL)
    engine.app.backfills.start(made.id, past(9, pace=3))
    pacer = engine.app.worker._pool.outcomes.pacer
    while engine.work():
        together(*[lambda: pacer.step(made.id)] * 4)
    assert len(engine.calls.started) == 9 == len(set(engine.calls.started))


def test_a_deleted_schedule_ends_it(engine: Engine) -> None:
    made = off(engine)
    started = engine.app.backfills.start(made.id, past(4))
    engine.app.manager.delete(made.id)
    kept = engine.app.table.get(made.id)
    assert kept is not None and kept.progress.backfill is None and kept.progress.live == ()
    rows = engine.app.backfills._rows
    row = rows.get(made.id, started.order.id)
    assert row is not None and row.state is BackfillState.CANCELLED


def test_a_run_of_the_schedules_own_waits_for_a_backfills_job_and_is_not_skipped(
    engine: Engine,
) -> None:
    made = engine.add("waits", recurrence=minutely(), misfire_grace_seconds=30)
    engine.app.backfills.start(made.id, Wish(first=START - MINUTE, end=START))
    working = engine.start([one for one in engine.messages() if "-b" in one.text()][-1])
    assert engine.calls.entered.wait(20)
    engine.later(94)  # 12:01 came due 35 s ago, and its grace has passed
    own = next(one for one in live(engine, made) if one.due_at == START + MINUTE)
    message = Message((own.id,), engine.clock.now(), long=False)
    assert engine.app.worker.work(message) == [], "it waits"
    engine.calls.hold.set()
    working.ended()
    assert engine.app.worker.work(message)[0].status is Status.SUCCEEDED


def test_a_backfill_of_many_lists_none_of_them_ahead(engine: Engine) -> None:
    made = engine.add(recurrence=DAILY)
    first: datetime = START - timedelta(days=3_600)
    started = engine.app.backfills.start(made.id, Wish(first=first, end=START))
    assert started.order.total == 3_600
    assert [one.due_at for one in live(engine, made)] == [first.replace(hour=3) + timedelta(days=1)]


def test_one_whose_first_step_was_lost_is_begun_by_the_upkeep(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = off(engine)
    pacer = engine.app.worker._pool.outcomes.pacer
    with monkeypatch.context() as killed:
        killed.setattr(type(pacer), "step", lambda *_: None)
        engine.app.backfills.start(made.id, past(2))
    assert live(engine, made) == () and engine.messages() == []
    pacer.upkeep(lambda: None)
    assert len(run_out(engine)) == 2


def test_messages_whose_commit_was_lost_start_nothing(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = off(engine)
    table = engine.app.table
    real = table.commit
    with monkeypatch.context() as killed:

        def lost(changes: Sequence[Change]) -> list[bool]:
            if any(one.after.progress.live for one in changes):
                raise Unavailable("table storage", "the process was killed here")
            return real(changes)

        killed.setattr(table, "commit", lost)
        with pytest.raises(Unavailable):
            engine.app.backfills.start(made.id, past(2))
    assert len(engine.messages()) == 1 and live(engine, made) == ()
    engine.app.worker._pool.outcomes.pacer.upkeep(lambda: None)
    assert len(run_out(engine)) == 2 == len(set(engine.calls.started))


@pytest.mark.parametrize("over", [False, True])
def test_the_same_command_given_twice_at_once_starts_one(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, over: bool
) -> None:
    """The second overtakes the first, right before that one begins; and may be over by then."""
    made, (agreed,) = off(engine), [new_id()]
    backfills = engine.app.backfills
    real = backfills.preview

    def overtaken(schedule_id: str, wish: Wish) -> Preview:
        seen = real(schedule_id, wish)
        monkeypatch.undo()
        backfills.start(schedule_id, wish, agreed=lambda _: [agreed])
        if over:
            run_out(engine)
        return seen

    monkeypatch.setattr(backfills, "preview", overtaken)
    started = backfills.start(made.id, past(3), agreed=lambda _: [agreed])
    assert started.order.id == agreed
    assert started.state is (BackfillState.DONE if over else BackfillState.RUNNING)
    run_out(engine)
    assert len(engine.calls.started) == 3
    assert [one.order.id for one in backfills.of(made.id)] == [agreed]
    audit = engine.app.audit
    audit.chain()
    records = map(audit.record, range(1, audit.verify().head.number + 1))
    told = [record.entry() for record in records if record is not None]
    assert [one.action for one in told if one.schedule_id == made.id].count(Action.BACKFILL) == 1


def test_the_end_of_one_leaves_the_note_of_the_next(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next begins between the end of the first and the removal of its note; then nobody works
    on it any more, and the upkeep goes on with it."""
    made = off(engine)
    engine.app.backfills.start(made.id, past(1))
    meta: Any = engine.app.manager._outcomes.pacer._meta
    remove = meta.remove

    def late(name: str) -> None:
        monkeypatch.undo()
        engine.app.backfills.start(made.id, past(2))
        remove(name)

    monkeypatch.setattr(meta, "remove", late)
    engine.work()
    assert engine.app.manager.get(made.id).progress.backfill is not None
    assert engine.app.manager._outcomes.pacer.upkeep(lambda: None) == 1
