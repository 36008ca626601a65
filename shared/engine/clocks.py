"""The clocks that tick, each enough by itself, and what a tick does beside the dispatcher's work.

Timers of tasks, the dispatcher's timer, a message that renews itself (`chain`) and `POST /tick` all
come here. Whichever ticks revives a chain that was lost, sweeps for lost jobs (`sweep`), and calls
the health monitor when another clock has fallen silent.

What the clocks know of each other is in the rows `clock.*` and `clock:*`, read at once.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from shared.engine import chain as chains
from shared.engine import health
from shared.engine import sweep as sweeps
from shared.engine.chain import Chain
from shared.engine.health import Known, Silent
from shared.engine.sweep import Sweep
from shared.engine.tick import Dispatcher, Report
from shared.errors import Unavailable
from shared.log import Event, event
from shared.storage.meta import Fact, Meta

DISPATCHER = "schedule_dispatcher"
MESSAGE = "clock_message"
ALWAYS = {
    DISPATCHER: "0 * * * * *",
    MESSAGE: f"{chains.OFFSET.seconds} * * * * *",
}
"""The clocks beside those of tasks, and when they wake."""
_KNOWN = "clock.known"
_UP = "clock.up"
_RESUMED = "clock.resumed"
_TOLD = "clock.told"
_LONG_AGO = datetime.min.replace(tzinfo=UTC)

_logger = logging.getLogger("belfry.clocks")


class Clocks:
    """The clocks, bound to what they drive.

    `alarm` is called once when some clock falls silent, by whichever tick sees it first.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        sweep: Sweep,
        meta: Meta,
        chain: Chain,
        alarm: Callable[[], object],
    ) -> None:
        self._dispatcher = dispatcher
        self._sweep = sweep
        self._meta = meta
        self._chain = chain
        self._alarm = alarm

    def prepare(self, wakes: Mapping[str, str], now: datetime) -> None:
        """Note which clocks there are (NCRONTAB by name), and start the chain if there is none."""
        facts = self._meta.about_clocks()
        before = _known(facts)
        known = {
            name: before[name]
            if name in before and before[name].wakes == expression
            else Known(expression, now)
            for name, expression in {**ALWAYS, **wakes}.items()
        }
        if known != before:
            self._meta.swap(_KNOWN, facts.get(_KNOWN), _written(known))
        self._chain.revive(facts.get(chains.ROW), now)

    def tick(self, now: datetime, clock: str) -> Report:
        """One tick of the whole, by the clock of that name."""
        facts = self._meta.about_clocks()
        beats, known = _beats(facts), _known(facts)
        up = _instant(facts.get(_UP))
        resumed = self._resumed(facts, known, beats, now)
        is_early = now - resumed <= health.GRACE
        if is_early and clock in known and health.was_away(now, known[clock], beats.get(clock)):
            # So nothing ran at all: what the others missed meanwhile is pardoned.
            up = resumed
            self._meta.put(_UP, up.isoformat())
        try:
            return self._dispatcher.tick(now, clock)
        finally:
            self._chain.revive(facts.get(chains.ROW), now)
            if not is_early:
                self._watch(facts, beats | {clock: now}, up, now)
            self._sweep.sweep_if_needed(facts.get(sweeps.ROW), now)

    def message(self, text: str, now: datetime) -> None:
        """The chain's message came: send the next, and tick. Raises `Invalid`."""
        link = chains.parse(text)
        try:
            good = self._chain.renew(link, now)
        except Unavailable as error:
            event(_logger, Event.STORAGE_AWAY, level=logging.WARNING, error=str(error))
            self._chain.put_off(link)
            return
        if good:
            self.tick(now, MESSAGE)

    def silent(self, now: datetime) -> list[Silent]:
        """The clocks that fell silent."""
        facts = self._meta.about_clocks()
        return health.silent(now, _known(facts), _beats(facts), _instant(facts.get(_UP)))

    def _resumed(
        self,
        facts: Mapping[str, Fact],
        known: Mapping[str, Known],
        beats: Mapping[str, datetime],
        now: datetime,
    ) -> datetime:
        """The first tick after no clock of the app's own had ticked for a while.

        Either the app was off, and the other clocks are about to come back, or they are silent
        and this one is slow: that shows when it was not away itself.
        """
        newest = max((at for name, at in beats.items() if name in known), default=_LONG_AGO)
        if now - newest <= health.GRACE:
            return _instant(facts.get(_RESUMED)) or _LONG_AGO
        self._meta.put(_RESUMED, now.isoformat())
        return now

    def _watch(
        self,
        facts: Mapping[str, Fact],
        beats: Mapping[str, datetime],
        up: datetime | None,
        now: datetime,
    ) -> None:
        """Call the health monitor at once when a clock falls silent; once, whoever sees it."""
        silent = health.silent(now, _known(facts), beats, up)
        names = sorted(one.clock for one in silent if not one.is_warning)
        told = facts.get(_TOLD)
        before = told.value.split() if told is not None else []
        changed = names != before and self._meta.swap(_TOLD, told, " ".join(names))
        if changed and not set(names) <= set(before):
            self._alarm()


def _beats(facts: Mapping[str, Fact]) -> dict[str, datetime]:
    ticked = {name: _instant(facts[name]) for name in facts if name.startswith("clock:")}
    return {name.removeprefix("clock:"): at for name, at in ticked.items() if at is not None}


def _instant(fact: Fact | None) -> datetime | None:
    """What a row says; None also if it cannot be read: it must not stop the clocks."""
    try:
        return datetime.fromisoformat(fact.value) if fact is not None else None
    except ValueError:
        return None


def _known(facts: Mapping[str, Fact]) -> dict[str, Known]:
    try:
        stored = json.loads(facts[_KNOWN].value) if _KNOWN in facts else {}
        return {
            name: Known(wakes, datetime.fromisoformat(since))
            for name, (wakes, since) in stored.items()
        }
    except (ValueError, TypeError, AttributeError):
        return {}


def _written(known: Mapping[str, Known]) -> str:
    return json.dumps({name: (one.wakes, one.since.isoformat()) for name, one in known.items()})
