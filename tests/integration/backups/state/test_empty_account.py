"""Belfry's state restored where nothing is left: it goes on where it was."""

from __future__ import annotations

from pathlib import Path

from local import azurite as local_azurite
from local.azurite import Azurite
from shared.recurrence import Frequency, Recurrence
from shared.storage.queues.jobs import Message
from tests.context import job_of
from tests.integration.backups.state.setup import (
    busy,
    catch_up,
    due,
    dumped,
    fresh,
    nightly,
    prefix,
    reconciled,
    restored,
    rows,
)
from tests.integration.engine.conftest import Engine, make, tap
from tests.jobs import jobs_of


def test_the_worst_night(engine: Engine, azurite: Azurite, tmp_path: Path) -> None:
    """All is lost, but for a dump: on an empty account it goes on where it was."""
    app = make(azurite, engine.app.settings.prefix, clock=engine.clock, tasks=[nightly])
    made = busy(engine)
    engine.later(60)  # 12:05: `waits` comes due
    engine.tick()
    running = f"{made['waits'].id}-20260301T120500Z"
    working = engine.start(Message((running,), engine.clock.now()))
    assert engine.calls.entered.wait(20)
    done = {job.id for job in jobs_of(engine.app) if job.finished_at is not None}
    content, contents = dumped(engine, tmp_path)
    assert contents.tables["schedule"] == 9 and contents.tables["meta"] >= 1
    assert contents.tables["job"] == len(done) and contents.schema == {"shards": "2"}
    shown = {one.id: one for one in app.app.lists.all()}
    before = {key: row for key, row in rows(engine).items()}

    with local_azurite.start(tmp_path / "elsewhere") as elsewhere:
        engine.later(240)
        later = fresh(engine, elsewhere, tasks=(nightly,))
        back = restored(later, tmp_path, content)
        assert back.contents == contents and back.name == later.app.settings.prefix
        assert rows(later) == before
        later.app.prepare()
        assert {one.id: one.definition for one in later.app.lists.all()} == {
            one.id: one.definition for one in shown.values()
        }
        ended = catch_up(later)
        taken_over = [job for job in ended if job.schedule_id == made["waits"].id]
        assert [(job.id, job.attempt) for job in taken_over] == [(running, 2)]
        assert not done & set(later.calls.started)
        reconciled(later)
        later.later(60)
        catch_up(later)
        started = {name.split("-")[0] for name in later.calls.started}
        assert {made["minutely"].id, made["cron"].id} <= started
        assert not {made[name].id for name in ("off", "gone", "fails", "twice")} & started
        reconciled(later)
        assert later.app.manager.get(made["minutely"].id).progress.success_count >= 5
    engine.calls.hold.set()
    working.ended()


def test_into_an_app_that_has_just_started_on_an_empty_account(
    engine: Engine, azurite: Azurite, tmp_path: Path
) -> None:
    """The job that restores runs there, under a schedule of its own, which survives."""
    first = make(azurite, engine.app.settings.prefix, clock=engine.clock, tasks=[nightly])
    first.app.manager.change("nightly", lambda one: one)
    busy(engine)
    content, _ = dumped(engine, tmp_path)
    before = rows(engine)
    engine.later(30)
    other = make(azurite, prefix(), clock=engine.clock, tasks=[nightly])
    tap(other)
    own = other.add("waits", recurrence=Recurrence(frequency=Frequency.MONTHLY))
    asked = other.app.manager.run_now(own.id, force=True)
    working = other.start()
    assert other.calls.entered.wait(20)
    job = job_of(clock=engine.clock)
    object.__setattr__(job, "schedule_id", own.id)
    restored(other, tmp_path, content, job=job)
    other.calls.hold.set()
    assert [one.id for one in working.ended()] == [asked.job_id]
    after = rows(other)
    assert {key: after[key] for key in before if key[0] != "meta"} == {
        key: row for key, row in before.items() if key[0] != "meta"
    }
    mine = [key for key in after if key not in before and own.id not in key[1]]
    assert mine == []
    assert due(other) >= due(engine)
    reconciled(other)


def test_no_message_is_needed(engine: Engine, azurite: Azurite, tmp_path: Path) -> None:
    """What was handed out and not begun when it was dumped, is found by the sweep."""
    engine.add()
    engine.later(59)
    engine.tick()
    waiting = {one for message in engine.messages() for one in message.job_ids}
    content, _ = dumped(engine, tmp_path)
    other = fresh(engine, azurite)
    restored(other, tmp_path, content)
    other.app.create()
    engine.later(240)
    other.app.sweep.sweep(engine.clock.now())
    assert len(waiting) == 2 and waiting <= {job.id for job in other.work()}
    reconciled(other)
