"""A backfill's steps: each due time of its range once, in order, however jobs end in between."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.recurrence import Frequency, Recurrence
from shared.schedules import backfill
from shared.schedules.backfill import BackfillOrder, BackfillRule, BackfillState, Order
from shared.schedules.fold import fold
from shared.schedules.job import Status, backfill_of, is_backfill_id, is_manual, retry_id
from shared.schedules.model import Definition, Overlap, Policy, Schedule, Version
from shared.schedules.record import ended_live

MADE = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MINUTELY = Recurrence(frequency=Frequency.INTERVAL, interval_seconds=60)
HOURLY = Recurrence(frequency=Frequency.CRON, cron_expression="7 * * * *")
ENDS = st.sampled_from([Status.SUCCEEDED, Status.FAILED, Status.CANCELLED, Status.SKIPPED])


def schedule() -> Schedule:
    what = Definition(name="n", task_type="works", recurrence=MINUTELY)
    policy = Policy(overlap=Overlap.ALLOW_ALL)
    return Schedule(id="n", definition=what, policy=policy, created_at=MADE, updated_at=MADE)


def order(
    first: datetime,
    end: datetime,
    *,
    pace: int = 1,
    direction: BackfillOrder = BackfillOrder.OLDEST,
    rule: BackfillRule = BackfillRule.LEDGER,
) -> Order:
    return Order(
        id="b3f9k2",
        schedule_id="n",
        first=first,
        end=end,
        rule=rule,
        direction=direction,
        recurrence=MINUTELY,
        total=0,
        pace=pace,
        by="ana",
        created_at=end,
    )


@given(
    count=st.integers(1, 40),
    pace=st.integers(1, 7),
    direction=st.sampled_from(BackfillOrder),
    data=st.data(),
)
def test_each_due_time_becomes_one_job_and_each_job_is_counted_once(
    count: int, pace: int, direction: BackfillOrder, data: st.DataObject
) -> None:
    asked = order(MADE - count * MINUTE, MADE, pace=pace, direction=direction)
    parts = backfill.parts(asked, [])
    made = schedule()
    now = replace(made, progress=replace(made.progress, backfill=backfill.begun(asked).counts))
    handed_out: list[datetime] = []
    ended = None
    while ended is None:
        step = backfill.step(now, asked, parts, MADE)
        if step is not None:
            now, ended = step.after, step.ended
            handed_out += [one.due_at for one in step.handed_out]
        assert len(now.progress.live) <= pace
        assert backfill.step(now, asked, parts, MADE) is None, "a second step changes nothing"
        if now.progress.live:
            job = data.draw(st.sampled_from(now.progress.live))
            over = ended_live(now, job, data.draw(ENDS), MADE, "")
            now = replace(now, progress=fold(now.progress, {over.id: over}))
    due = [MADE - n * MINUTE for n in range(count, 0, -1)]
    assert handed_out == (due if direction is BackfillOrder.OLDEST else due[::-1])
    counts = ended.counts
    assert counts.handed_out == count and ended.unfinished == 0
    assert counts.succeeded + counts.failed + counts.cancelled + counts.skipped == count
    assert ended.state is BackfillState.DONE
    progress = now.progress
    assert progress.run_count == progress.skipped_count == progress.cancelled_count == 0
    assert progress.last_due_at is None and progress.failures_in_row == 0


def test_the_ledger_says_what_held_and_the_present_recurrence_what_came_before() -> None:
    versions = [
        Version(schedule_id="n", revision=1, since=MADE, recurrence=HOURLY, reason="created"),
        Version(
            schedule_id="n",
            revision=2,
            since=MADE + timedelta(hours=2),
            recurrence=None,
            reason="changed",
        ),
    ]
    asked = order(MADE - 3 * MINUTE, MADE + timedelta(hours=5))
    parts = backfill.parts(asked, versions)
    found = backfill.following(parts, BackfillOrder.OLDEST, None, 10)
    before = [MADE - 3 * MINUTE, MADE - 2 * MINUTE, MADE - MINUTE, MADE]
    assert found == [*before, MADE + 7 * MINUTE, MADE + 67 * MINUTE]
    assert backfill.following(parts, BackfillOrder.NEWEST, None, 10) == found[::-1]
    assert backfill.total(parts) == 6 and backfill.ends(parts) == (found[0], found[-1])
    present = backfill.parts(replace(asked, rule=BackfillRule.PRESENT), versions)
    assert backfill.total(present) == 303


def test_its_ids_are_told_from_all_others() -> None:
    job = "nightly-20261120T030000Z-b3f9k2"
    assert backfill_of(job) == backfill_of(retry_id(job)) == "b3f9k2"
    assert is_manual(job) and is_backfill_id("b3f9k2")
    others = ("nightly-20261120T030000Z", "nightly-20261120T030000Z-r1")
    for other in (*others, "nightly-20261120T030000Z-b3f9k2mnop5", f"{others[0]}-k3f9k2"):
        assert backfill_of(other) is None, other
    assert not is_backfill_id("b3f9r2") and not is_backfill_id("b3f9k2r1")
