"""The clocks that tick, any one of which is enough, and what a tick does besides dispatching.

The tasks' timers, the dispatcher's timer, a message that renews itself (`queue_clock`) and
`POST /tick` all come here. So does any other invocation, if none of them has ticked for a while
(`stand_in`). Each tick looks ahead to the next live clock (`ahead`), revives the queue clock if its
message was lost, sweeps for lost jobs (`sweep`), and reports which clocks fell silent.

What the clocks know of each other is in the rows `clock.*` and `clock:*`, read together (`facts`).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from shared import tracing
from shared.clock import Clock
from shared.engine.dispatch import facts, health, uptime
from shared.engine.dispatch import queue_clock as chains
from shared.engine.dispatch.ahead import ahead, coming
from shared.engine.dispatch.alarm import Alarm
from shared.engine.dispatch.facts import Facts, Known
from shared.engine.dispatch.health import QUIET, Silent
from shared.engine.dispatch.mend import Mender
from shared.engine.dispatch.names import ALWAYS, MESSAGE, WORK
from shared.engine.dispatch.queue_clock import QueueClock
from shared.engine.dispatch.sweep import Sweep
from shared.engine.dispatch.tick import Dispatcher, Report
from shared.errors import Unavailable
from shared.heartbeats.own import OwnHeartbeat
from shared.log import Event, event
from shared.storage.tables.compare_and_set import compare_and_set
from shared.storage.tables.facts import Meta
from shared.tracing import Kind

_WATCHES = timedelta(minutes=11)
"""How far ahead the health monitor's own runs are handed out: two of them, since it runs every five
minutes."""
_BETWEEN = timedelta(seconds=150)
"""How long after a run of the health monitor another invocation ticks: between two of its runs."""
_LOOK = timedelta(seconds=30)
"""The shortest time between two checks by `stand_in` whether a clock ticked."""

_logger = logging.getLogger("belfry.clocks")


class Clocks:
    """The clocks, bound to what they drive.

    `invoke` is called with an instant, and arranges an invocation for it, which will `stand_in`.
    `wrong` returns by how much the machine's clock is wrong, or None.
    """

    def __init__(
        self,
        *,
        dispatcher: Dispatcher,
        sweep: Sweep,
        meta: Meta,
        chain: QueueClock,
        alarm: Alarm,
        invoke: Callable[[datetime], object],
        clock: Clock,
        mender: Mender,
        wrong: Callable[[], timedelta | None] = lambda: None,
        heartbeat: OwnHeartbeat | None = None,
    ) -> None:
        self._dispatcher = dispatcher
        self._sweep = sweep
        self._meta = meta
        self._queue_clock = chain
        self._alarm = alarm
        self._invoke = invoke
        self._clock = clock
        self._mender = mender
        self._wrong = wrong
        self._heartbeat = heartbeat
        self._quiet_until: datetime | None = None
        self._looking = threading.Lock()

    def prepare(self, wakes: Mapping[str, str], now: datetime) -> None:
        """Store which clocks exist (NCRONTAB by name), that the service lives, and start the queue
        clock if necessary."""
        rows = self._meta.about_clocks()
        before = facts.known(rows.get(facts.KNOWN))
        known = {
            name: before[name]
            if name in before and before[name].wakes == expression
            else Known(expression, now)
            for name, expression in {**ALWAYS, **wakes}.items()
        }
        if known != before:
            self._meta.swap(facts.KNOWN, rows.get(facts.KNOWN), facts.written(known))
        life = rows.get(facts.LIFE)
        if uptime.read(life) is None:
            self._meta.swap(facts.LIFE, life, uptime.written(uptime.begun(now)))
        self._queue_clock.revive(rows.get(facts.CHAIN), now)

    def tick(self, clock: str) -> Report:
        """Do one whole tick, for the clock of that name."""
        before = facts.read(self._meta.about_clocks())
        # read the time after storage answered: its answers correct the clock (`storage.checked`)
        return self._tick(clock, before, self._clock.now())

    def message(self, text: str) -> None:
        """Handle the queue clock's message: send the next, and tick. Raises `Invalid`."""
        link = chains.parse(text)
        try:
            before = facts.read(self._meta.about_clocks())
            now = self._clock.now()
            good = self._queue_clock.renew(link, before.chain, now)
        except Unavailable as error:
            event(_logger, Event.STORAGE_AWAY, level=logging.WARNING, error=str(error))
            self._queue_clock.put_off(link)
            return
        if good:
            self._tick(MESSAGE, before, now, revive=False)

    def stand_in(self) -> Report | None:
        """Tick, if no clock has ticked for a while. Every invocation calls this.

        It reads from storage only if, as far as this process knows, no clock has ticked lately.
        """
        self._alarm.tell_wrong(self._wrong(), self._clock.now())
        self._alarm.gather()
        with self._looking:
            now = self._clock.now()
            if self._is_quiet(now):
                return None
            self._quiet_until = now + _LOOK
        before = facts.read(self._meta.about_clocks())
        now = self._clock.now()
        if facts.future(before, now):
            return self._tick_apart(before, now)
        begun = (one.since for one in before.known.values())
        newest = max([*before.beats.values(), *begun], default=None)
        if newest is not None and now - newest < QUIET:
            self._quiet_until = max(newest + QUIET, now + _LOOK)
            return None
        return self._tick_apart(before, now)

    def _tick_apart(self, before: Facts, now: datetime) -> Report:
        """Tick, in a trace of its own: that an invocation stands in is no part of what it does, and
        jobs that hand out the next ones would make a trace that never ends."""
        with tracing.continued(None):
            return self._tick(WORK, before, now)

    def shard(self, shard: str) -> Report:
        """Work off one shard's backlog, as far ahead as a tick looks."""
        read = facts.read(self._meta.about_clocks())
        now = self._clock.now()
        found = facts.believed(read, now)
        with tracing.span("tick", Kind.SERVER, clock=WORK, shard=shard) as traced:
            report = self._dispatcher.tick_shard(shard, now, ahead(now, WORK, found))
            traced.set(report.shown())
        return report

    def silent(self, now: datetime) -> list[Silent]:
        """The clocks that fell silent."""
        found = facts.read(self._meta.about_clocks())
        return health.judged(now, facts.believed(found, now))

    def watch(self, schedule_id: str | None) -> list[Silent]:
        """The clocks that fell silent. Those that were not reported yet are reported.

        `schedule_id`: the schedule of the watching job, if it is the app's own. It keeps running
        even if no clock ticks any more, because its next runs already wait in the job queue, and
        each of them ticks.
        """
        self.stand_in()
        read = facts.read(self._meta.about_clocks())
        now = self._clock.now()
        found = facts.believed(read, now)
        if schedule_id is not None:
            self._invoke(now + _BETWEEN)
            self._hand_out(schedule_id, now)
        silent = health.judged(now, found)
        self._alarm.tell(found, silent, now)
        return silent

    def _hand_out(self, schedule_id: str, now: datetime) -> None:
        """Hand out the watching job's next runs, apart from the trace of this one."""
        named = {"clock": WORK, "schedule_id": schedule_id}
        with tracing.continued(None), tracing.span("tick", Kind.SERVER, **named):
            self._dispatcher.tick_one(schedule_id, now, _WATCHES)

    def _tick(self, clock: str, read: Facts, now: datetime, *, revive: bool = True) -> Report:
        """Do all that a tick does; if one part fails, the others are still done."""
        with tracing.span("tick", Kind.SERVER, clock=clock) as traced:
            report = self._whole(clock, read, now, revive)
            traced.set(report.shown())
        return report

    def _whole(self, clock: str, read: Facts, now: datetime, revive: bool) -> Report:
        before = facts.believed(read, now)
        known = health.noticed(now, clock, before)
        self._note(before, known)
        self._note_life(before, now)
        self._quiet_until = now + QUIET
        with ExitStack() as then:
            if self._heartbeat is not None:  # the last, since it tells whether the rest failed
                then.push(partial(self._beat, self._heartbeat, clock, known, now))
            then.callback(self._alarm.gather)
            then.callback(lambda: self._alarm.tell_wrong(self._wrong(), now))
            then.callback(self._watch, clock, known, now)
            then.callback(self._swept_up, read, now)
            if revive:
                then.callback(self._queue_clock.revive, read.chain, now)
            look = ahead(now, clock, known)
            report = self._dispatcher.tick(now, clock, look)
            if self._mender.mend(read, now):
                report += self._dispatcher.tick(now, clock, look)
            return report

    def _beat(
        self,
        heartbeat: OwnHeartbeat,
        clock: str,
        known: Facts,
        now: datetime,
        _kind: object,
        error: BaseException | None,
        _trace: object,
    ) -> None:
        """Tell the outside whether all is well; `error`: what the tick raised."""
        if error is not None:
            heartbeat.failed(error)
            return
        after = replace(known, beats={**known.beats, clock: now})
        silent = [one for one in health.judged(now, after) if not one.is_warning]
        problems = [f"clock {one.clock} is silent since {one.since.isoformat()}" for one in silent]
        if (difference := self._wrong()) is not None:
            problems.append(f"this machine's clock is wrong by {difference.total_seconds():.0f} s")
        heartbeat.beat(now, problems)

    def _swept_up(self, read: Facts, now: datetime) -> None:
        was_wrong = facts.SWEPT in facts.future(read, now)
        fact = self._meta.fact(facts.SWEPT) if was_wrong else read.swept
        self._sweep.sweep_if_needed(fact, now)

    def _is_quiet(self, now: datetime) -> bool:
        """Whether a clock ticked lately, as far as this process knows."""
        until = self._quiet_until
        return until is not None and timedelta() < until - now <= QUIET

    def _note(self, before: Facts, known: Facts) -> None:
        """Store what the tick noticed, if that is new."""
        if known.pause != before.pause and known.pause is not None:
            self._meta.put(facts.PAUSE, known.pause.text())
        if known.up != before.up and known.up is not None:
            self._meta.put(facts.UP, known.up.isoformat())

    def _note_life(self, before: Facts, now: datetime) -> None:
        """Store what the tick shows of the service's life, if that is new."""
        known = [before.life]

        def attempt() -> bool | None:
            fact = known.pop() if known else self._meta.fact(facts.LIFE)
            life = uptime.read(fact)
            after = uptime.noted(life, before.beats.values(), now)
            if after == life:
                return True
            return self._meta.swap(facts.LIFE, fact, uptime.written(after)) or None

        compare_and_set(facts.LIFE, attempt, error=partial(Unavailable, "table storage"))

    def _watch(self, clock: str, known: Facts, now: datetime) -> None:
        """Report which clocks are silent, and arrange another check if no tick comes soon."""
        after = replace(known, beats={**known.beats, clock: now})
        self._alarm.tell(after, health.judged(now, after), now)
        at = health.look_again(now, after, coming(now, clock, known))
        if at is not None:
            self._invoke(at)
