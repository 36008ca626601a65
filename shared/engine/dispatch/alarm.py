"""Reports to the log and to people which clocks fell silent, and which tick again (`silence`
decides).

Each tick does this after dispatching, so no worker is needed. If storage fails, the tick does not
fail with it: the next tick asks again. To whom it goes, and what comes of it when it cannot be
sent, is up to the alerts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from shared.engine.dispatch import silence
from shared.engine.dispatch.facts import TOLD, Facts
from shared.engine.dispatch.health import Silent
from shared.engine.dispatch.silence import News, Said
from shared.errors import BelfryError
from shared.log import Event, event
from shared.log import instant as written
from shared.storage.tables.facts import Meta

_logger = logging.getLogger("belfry.clocks")

CLOCK_SILENT, CLOCK_WRONG = "clock_silent", "clock_wrong"


class Alerts(Protocol):
    """How people are told (`shared.alerts.service`, by kinds of `AlertKind`). Each method raises
    `Unavailable` or `Refused` if storage fails."""

    def open(self, kind: str, about: str, text: str) -> None:
        """There is a problem with `about`."""

    def close(self, kind: str, about: str, text: str) -> None:
        """It is over."""

    def happened(self, kind: str, about: str, text: str, *, key: str) -> None:
        """Something happened that has no end; `key` identifies it."""

    def gather(self) -> None:
        """Take over what this process noted for the alerts (`storage/tables/trouble`)."""


class Alarm:
    """The alarm, bound to what it tells by."""

    def __init__(self, meta: Meta, alerts: Alerts) -> None:
        self._meta = meta
        self._alerts = alerts
        self._wrong: timedelta | None = None
        """The error of this machine's clock that people were last told of."""

    def tell(self, facts: Facts, silent: Sequence[Silent], now: datetime) -> None:
        """Report what is new. `facts`: as they are after the tick."""
        said = silence.parse(facts.told)
        new = silence.news(said, silent, facts, now)
        if not self._close_removed(said, new):
            return
        if new.after != said:
            if not self._meta.swap(TOLD, facts.told, silence.written(new.after)):
                return  # another instance ticks at the same time, and reports it
            self._log(new, said, facts, now)
        if not all(one.settled for one in new.after.values()):
            self._tell_people(new.after, now)

    def _close_removed(self, said: Mapping[str, Said], new: News) -> bool:
        """Close the alerts of clocks that the app has no more; whether that could be done."""
        gone = said.keys() - new.after.keys() - {*new.back}
        text = "The app has no such clock any more."
        return all(self._try(partial(_close, clock=clock, text=text)) for clock in sorted(gone))

    def tell_wrong(self, difference: timedelta | None, now: datetime) -> None:
        """Tell people that this machine's clock is wrong by `difference`; None: it is right.

        It was logged when the error was found. It has no end that people are told of, since one
        instance does not know the clocks of the others.
        """
        if difference is None:
            self._wrong = None
        elif difference != self._wrong and self.of_wrong_clock(**_is_wrong(difference, now)):
            self._wrong = difference

    def of_wrong_clock(self, *, key: str, text: str) -> bool:
        """Tell people of a wrong clock; whether it is stored. `key` identifies what is told."""
        return self._try(
            lambda alerts: alerts.happened(CLOCK_WRONG, "a machine of the app", text, key=key)
        )

    def gather(self) -> None:
        """Take over what this process noted for the alerts."""
        self._try(lambda alerts: alerts.gather())

    def _try(self, act: Callable[[Alerts], None]) -> bool:
        """Whether it could be done. Raises nothing: a failure is logged, and the caller asks again
        later."""
        try:
            act(self._alerts)
        except BelfryError as error:
            event(_logger, Event.ALERT_FAILED, level=logging.ERROR, error=str(error))
            return False
        return True

    def _log(self, new: News, said: Mapping[str, Said], facts: Facts, now: datetime) -> None:
        for one in new.log:
            event(
                _logger,
                Event.CLOCK_SILENT,
                level=logging.WARNING if one.is_warning else logging.ERROR,
                clock=one.clock,
                last_seen=one.last if one.last is not None else "never",
                seconds=round((now - one.since).total_seconds()),
            )
        for clock in new.back:
            silent_for = facts.beats[clock] - said[clock].since
            event(_logger, Event.CLOCK_BACK, clock=clock, seconds=round(silent_for.total_seconds()))

    def _tell_people(self, said: Mapping[str, Said], now: datetime) -> None:
        """Tell people, and record what they were told, unless another instance just did."""
        told = {clock: self._told(clock, one, now) for clock, one in said.items()}
        if told == said:
            return
        row = self._meta.fact(TOLD)
        after = {
            clock: told[clock] if said.get(clock) == one else one
            for clock, one in silence.parse(row).items()
        }
        kept = {clock: one for clock, one in after.items() if one is not None}
        self._meta.swap(TOLD, row, silence.written(kept))

    def _told(self, clock: str, one: Said, now: datetime) -> Said | None:
        """Tell people what is new of a silence; what to record of it, or None if it is over."""
        if not one.told:
            text = _is_silent(clock, one, now)
            told = self._try(lambda alerts: alerts.open(CLOCK_SILENT, clock, text))
            one = replace(one, told=told)
        if one.told and one.back is not None:
            over = _is_back(clock, one, one.back)
            if self._try(partial(_close, clock=clock, text=over)):
                return None
        return one


def _close(alerts: Alerts, *, clock: str, text: str) -> None:
    alerts.close(CLOCK_SILENT, clock, text)


def _is_wrong(difference: timedelta, now: datetime) -> dict[str, str]:
    """Instances on one machine share one key."""
    seconds = round(abs(difference.total_seconds()))
    word = "ahead of" if difference > timedelta() else "behind"
    minutes = round(difference.total_seconds() / 60)
    return {
        "key": f"clock_wrong:{minutes}:{now:%Y-%m-%dT%H}",
        "text": f"The clock of a machine that runs the app is {seconds} seconds {word} the "
        f"storage's time, which was {written(now, 'seconds')} then. The app follows the storage's "
        "time, so schedules run when they should; put the machine's clock right all the same: its "
        "timers fire by it, and its host asks the storage by it.",
    }


def _is_silent(clock: str, one: Said, now: datetime) -> str:
    minutes = round((now - one.since).total_seconds() / 60)
    return (
        f"The clock {clock} has not ticked since {written(one.since, 'seconds')}, {minutes} "
        "minutes ago. The clocks that are left keep all schedules running."
    )


def _is_back(clock: str, one: Said, at: datetime) -> str:
    minutes = round((at - one.since).total_seconds() / 60)
    return (
        f"The clock {clock} ticks again since {written(at, 'seconds')}. It was silent for "
        f"{minutes} minutes."
    )
