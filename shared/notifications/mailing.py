"""Mails to addresses that a project's schedules name. Anybody may be named there, so a project has
a cap a day: Belfry must be no way to send strangers as much as one likes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC

from shared.clock import Clock
from shared.errors import Invalid
from shared.log import Event, event
from shared.notifications import kinds
from shared.notifications.budget import Budget
from shared.notifications.model import Draft
from shared.notifications.outbox import Outbox
from shared.notifications.problems import Problems, told
from shared.notifications.rules.caps import Cap, Wish
from shared.projects import name_of

_logger = logging.getLogger("belfry.notifications")

MAILS_A_DAY = 100
"""How many mails to its addresses a project may cause in a day of UTC. The schedules that belong to
no project have one such cap together."""
WRITTEN_A_DAY = 200
"""The same of mails whose words its schedules have (`Kind.own_words`), unless MAIL_DAILY_LIMIT says
otherwise."""
_OWN = "written"
_ID = 12
"""How much of a digest tells the mails of a day apart."""


class Mailing:
    """Counts the mails of projects, by all instances together."""

    def __init__(
        self, outbox: Outbox, problems: Problems, clock: Clock, written: int = WRITTEN_A_DAY
    ) -> None:
        """`written`: how many mails of its own words a project may cause in a day."""
        self._outbox = outbox
        self._budget = Budget(outbox.facts, per_second=0)
        self._problems = problems
        self._clock = clock
        self._written = written
        self._told: str = ""

    def granted(self, drafts: Sequence[Draft], project_id: int | None) -> list[Draft]:
        """Those that are stored already, and of the others as many as the project may still send
        today. They are counted before they are stored: a process that is killed between the two
        leaves the project some mails fewer, never more."""
        known = self._outbox.those_known([one.digest for one in drafts])
        new = [one for one in drafts if one.digest not in known]
        cap, now = self.cap(drafts[0].kind, project_id), self._clock.now()
        wishes = [Wish(one.digest[:_ID], 0) for one in new]
        allowed = self._budget.reserve(cap, wishes, now) if new else []
        kept = {one.digest for one, yes in zip(new, allowed, strict=True) if yes}
        if len(kept) < len(new):
            self._tell(cap, f"{cap.name}:{cap.day(now)}")
        return [one for one in drafts if one.digest in known or one.digest in kept]

    def cap(self, kind: str, project_id: int | None) -> Cap:
        """The cap of a project's mails of that kind."""
        if kinds.kind(kind).own_words:
            return cap_of(project_id, f"{_OWN}:", self._written)
        return cap_of(project_id)

    def _tell(self, cap: Cap, key: str) -> None:
        """Tell administrators of it, once a day."""
        said = f"{cap.messages} mails to addresses that schedules name went today; no more go today"
        event(_logger, Event.CAP_REACHED, level=logging.WARNING, cap=cap.name, reason=said)
        if key != self._told and told(lambda: self._problems.cap_reached(cap.name, said, key=key)):
            self._told = key


def cap_of(project_id: int | None, which: str = "", messages: int = MAILS_A_DAY) -> Cap:
    """The cap of a project's mails. `which`: of another name than that of reports."""
    name = f"mail:{which}project:{name_of(project_id)}"
    return Cap(name=name, zone=UTC, messages=messages, micros=None)


def hold_addresses(kind: str, to: Sequence[str]) -> None:
    """Raise `Invalid` unless that kind goes to such addresses, and there are any, and not many."""
    if not kinds.kind(kind).to_customers:
        raise Invalid("kind", f"{kind} does not go to addresses that schedules name")
    most = kinds.kind(kind).most_addresses
    if not 1 <= len(to) <= most:
        raise Invalid("to", f"give 1 to {most} addresses; these are {len(to)}")
