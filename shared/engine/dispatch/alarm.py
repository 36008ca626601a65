"""Reports to the log and to people which clocks fell silent, and which tick again (`silence`
decides).

Each tick does this after dispatching, so no worker is needed. A notification that cannot be sent
does not make the tick fail: it is in the outbox, or the next tick asks for it again under the same
key.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
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


class Alert(Protocol):
    """How people are told: `Notifications.alert`."""

    def __call__(self, *, key: str, subject: str, text: str) -> bool:
        """Send a notification, once for each key; whether nothing is left to do for it.

        Raises `Unavailable` or `Refused` when the storage does.
        """


class Alarm:
    """The alarm, bound to what it tells by."""

    def __init__(self, meta: Meta, alert: Alert) -> None:
        self._meta = meta
        self._alert = alert
        self._wrong: timedelta | None = None
        """The error of this machine's clock that people were last told of."""

    def tell(self, facts: Facts, silent: Sequence[Silent], now: datetime) -> None:
        """Report what is new. `facts`: as they are after the tick."""
        said = silence.parse(facts.told)
        new = silence.news(said, silent, facts, now)
        if new.after != said:
            if not self._meta.swap(TOLD, facts.told, silence.written(new.after)):
                return  # another instance ticks at the same time, and reports it
            self._log(new, said, facts, now)
        if not all(one.settled for one in new.after.values()):
            self._tell_people(new.after, now)

    def tell_wrong(self, difference: timedelta | None, now: datetime) -> None:
        """Tell people that this machine's clock is wrong by `difference`; None: it is right.

        It was logged when the error was found. Instances on one machine share one key.
        """
        if difference is None:
            self._wrong = None
        elif difference != self._wrong and self.people(**_is_wrong(difference, now)):
            self._wrong = difference

    def people(self, *, key: str, subject: str, text: str) -> bool:
        """Tell people; whether nothing is left to do for it. Raises nothing: a failure is logged,
        and the caller asks again later."""
        try:
            return self._alert(key=key, subject=subject, text=text)
        except BelfryError as error:
            event(
                _logger, Event.NOTIFICATION_FAILED, level=logging.ERROR, key=key, error=str(error)
            )
            return False

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
            told = self.people(**_is_silent(clock, one, now))
            one = replace(one, told=told)
        if one.told and one.back is not None and self.people(**_is_back(clock, one, one.back)):
            return None
        return one


def _is_wrong(difference: timedelta, now: datetime) -> dict[str, str]:
    seconds = round(abs(difference.total_seconds()))
    word = "ahead of" if difference > timedelta() else "behind"
    minutes = round(difference.total_seconds() / 60)
    return {
        "key": f"clock_wrong:{minutes}:{now:%Y-%m-%dT%H}",
        "subject": "The clock of a machine is wrong",
        "text": f"The clock of a machine that runs the app is {seconds} seconds {word} the "
        f"storage's time, which was {written(now, 'seconds')} then. The app follows the storage's "
        "time, so schedules run when they should; put the machine's clock right all the same: its "
        "timers fire by it, and its host asks the storage by it.",
    }


def _is_silent(clock: str, one: Said, now: datetime) -> dict[str, str]:
    minutes = round((now - one.since).total_seconds() / 60)
    return {
        "key": f"clock_silent:{clock}:{written(one.since)}",
        "subject": f"Clock silent: {clock}",
        "text": f"The clock {clock} has not ticked since {written(one.since, 'seconds')}, "
        f"{minutes} minutes ago. The clocks that are left keep all schedules running; "
        "/ops/uptime shows which. Look at the function of that name in the function app: "
        "whether it is disabled, and what its last invocations say. A restart of the app starts "
        "its triggers anew.",
    }


def _is_back(clock: str, one: Said, at: datetime) -> dict[str, str]:
    minutes = round((at - one.since).total_seconds() / 60)
    return {
        "key": f"clock_back:{clock}:{written(one.since)}",
        "subject": f"Clock ticks again: {clock}",
        "text": f"The clock {clock} ticks again since {written(at, 'seconds')}. It was silent for "
        f"{minutes} minutes.",
    }
