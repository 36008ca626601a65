"""Replays each attempt to send: which of the messages that are due must go at that instant, and
which must not. It is exact, but for the hours in which Twilio fails: then a message that may be
late must still come in time, and one of which Twilio's answer was lost must not come again."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from tests.soak.year import walls
from tests.soak.year.cast import CLOSES, OPENS, Tenant
from tests.soak.year.facts import Facts
from tests.soak.year.occasions import Occasion, Wanted, nonsense, opens, owner_of, says
from tests.vendors.twilio import Asked

_NEVER = datetime.min.replace(tzinfo=UTC)
_DAY = timedelta(days=1)
_AGAIN = timedelta(hours=5, minutes=30)
"""So long after a fault of Twilio at the latest, what waited for it is tried again: the circuit
opens for an hour at most, and the pauses between attempts are four hours at most."""


@dataclass(slots=True)
class Message:
    """A message that was asked for."""

    it: Wanted
    next_at: datetime
    state: str = "waits"
    """Then: sent, refused (by Twilio), doubtful, never, or wrong (a problem was noted)."""
    why: str = ""
    late_until: datetime | None = None
    """A fault of Twilio may delay it until then."""
    excused: bool = False
    """It may have been given up meanwhile, for a good reason."""
    at: datetime | None = None
    """When it was sent."""
    sid: str = ""

    def end(self, state: str, why: str) -> None:
        self.state, self.why = state, why

    def may_be_late(self, now: datetime) -> bool:
        return self.late_until is not None and now < self.late_until


@dataclass(slots=True)
class Messages:
    """What was asked for, and what became of it."""

    facts: Facts
    known: dict[Occasion, Message] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    contended: int = 0
    """How often a cap had to choose."""
    _own: Counter[tuple[int, date]] = field(default_factory=Counter)
    """Counted against the tenants' caps, by their days."""
    _all: Counter[date] = field(default_factory=Counter)
    _fault_until: datetime = _NEVER

    def asked(self, some: Iterable[Wanted], now: datetime, log: list[Asked]) -> None:
        """A run asks for these, tenant by tenant."""
        new: dict[int, list[Message]] = defaultdict(list)
        for one in some:
            if one.occasion not in self.known:
                made = self.known[one.occasion] = Message(one, now)
                new[one.tenant.id].append(made)
        for id in sorted(new):
            self._attempt(new[id], now, log)

    def flushed(self, now: datetime, log: list[Asked]) -> None:
        """The sender sends what is due."""
        due = [
            one
            for one in self.known.values()
            if one.state == "waits" and (one.next_at <= now or one.may_be_late(now))
        ]
        self._attempt(due, now, log)

    def left(self, now: datetime, log: Sequence[Asked]) -> None:
        """After a run: Twilio was asked for nothing else."""
        for one in log:
            to, body = one.wanted["To"], one.wanted["Body"]
            alike = [it for it in self.known.values() if self._is(it, one, now)]
            about = "; ".join(f"{it.it.occasion}: {it.state}, {it.why}" for it in alike)
            self.problems.append(
                f"{now:%m-%d %H:%M:%S} UTC: to {to} went {body!r}, which must not be: "
                f"{about or 'there is no such occasion'}"
            )

    # One attempt

    def _attempt(self, some: Sequence[Message], now: datetime, log: list[Asked]) -> None:
        faulty = self._fails(now, log)
        ready = [one for one in some if self._is_ready(one, now)]
        waiting = []
        for one in ready:
            if (entry := self._found(one, now, log)) is not None:
                self._ended(one, entry, now)
            else:
                waiting.append(one)
        if faulty or now < self._fault_until:
            for one in waiting:
                one.late_until = self._fault_until
        if not faulty:
            self._capped([one for one in waiting if not one.may_be_late(now)], now)
        self._hold_caps(now)

    def _fails(self, now: datetime, log: Sequence[Asked]) -> bool:
        """Whether Twilio fails at this instant. After one answer that was lost, the rest of the
        pass waits for the next."""
        lost = any(one.answer.status >= 429 for one in log)
        if self.facts.away & {"twilio", "throttled"}:
            self._fault_until = now + _AGAIN
        elif lost:
            self._fault_until = max(self._fault_until, now)
        return lost or bool(self.facts.away & {"twilio", "throttled"})

    def _is_ready(self, one: Message, now: datetime) -> bool:
        """Whether the rules let it go now. If not, it waits or never goes."""
        it, facts = one.it, self.facts
        owner = owner_of(facts, it)
        if now >= it.useful_until:
            return self._never(one, f"it was of use until {it.useful_until}", now)
        if (reason := nonsense(facts, it, now)) is not None:
            return self._never(one, reason, now)
        if not facts.opted_in[owner.id]:
            return self._never(one, "its owner had not agreed", now)
        if owner.number is None:
            return self._never(one, "it is no phone number", now)
        at = opens(owner.place, now, OPENS, CLOSES)
        return at <= now or self._wait(one, at, f"quiet hours in {owner.place}", now)

    def _never(self, one: Message, why: str, now: datetime) -> bool:
        if one.may_be_late(now) and now < one.it.useful_until:
            one.excused, one.why = True, why  # perhaps it was not looked at just now
        else:
            one.end("never", why)
        return False

    def _wait(self, one: Message, until: datetime, why: str, now: datetime) -> bool:
        useful = one.it.useful_until
        if until >= useful:
            return self._never(one, f"{why} until {until}, and it was of use until {useful}", now)
        one.next_at, one.why = until, why
        return False

    def _found(self, one: Message, now: datetime, log: list[Asked]) -> Asked | None:
        """Twilio was asked for it: that is taken from the log."""
        found = next((entry for entry in log if self._is(one, entry, now)), None)
        if found is not None:
            log.remove(found)
        return found

    def _is(self, one: Message, entry: Asked, now: datetime) -> bool:
        number = owner_of(self.facts, one.it).number
        wanted = entry.wanted
        return wanted["To"] == number and says(self.facts, one.it, now, wanted["Body"])

    def _ended(self, one: Message, entry: Asked, now: datetime) -> None:
        if entry.made is not None:
            one.end("sent", f"sent at {now}")
            one.at, one.sid = now, entry.made.sid
            self._count(one, now)
        elif entry.answer.reset:
            one.end("doubtful", "Twilio's answer was lost")
            self._count(one, now)
        elif entry.answer.status == 429:
            one.late_until = self._fault_until
        else:
            one.end("refused", f"Twilio refused it: {entry.answer.code}")
            self._refused(one, entry)

    def _refused(self, one: Message, entry: Asked) -> None:
        owner = owner_of(self.facts, one.it)
        number = str(owner.number)
        if entry.answer.code == 21610:
            self.facts.opt(number, False)
        if not (owner.landline or number in self.facts.blocked):
            self.problems.append(f"{one.it.occasion}: Twilio refused it without a reason")

    # Caps

    def _capped(self, waiting: Sequence[Message], now: datetime) -> None:
        """Those that could have gone, and did not: a cap must have been reached."""
        for one in waiting:
            until = self._full_until(one.it.tenant, now)
            if until is not None:
                self.contended += 1
                place = owner_of(self.facts, one.it).place
                self._wait(one, opens(place, until, OPENS, CLOSES), "the cap was reached", now)
            elif not one.excused:
                said = "must have been sent, and was not"
                self.problems.append(f"{now:%m-%d %H:%M:%S} UTC: {one.it.occasion}: {said}")
                one.end("wrong", said)

    def _full_until(self, tenant: Tenant, now: datetime) -> datetime | None:
        """When there is room again for the tenant's messages; None: there is."""
        zone = "UTC" if self.facts.cap_of_all else tenant.zone
        room = self._room_of_all(now) if self.facts.cap_of_all else self._room(tenant, now)
        return None if room else walls.midnight(walls.day_of(now, zone) + _DAY, zone)

    def _room(self, tenant: Tenant, now: datetime) -> int:
        """How many more its cap allows today."""
        if tenant.most is None:
            return 10**6
        return tenant.most - self._own[tenant.id, walls.day_of(now, tenant.zone)]

    def _room_of_all(self, now: datetime) -> int:
        return self.facts.cap_of_all - self._all[now.astimezone(UTC).date()]

    def _count(self, one: Message, now: datetime) -> None:
        tenant = one.it.tenant
        if self.facts.cap_of_all:
            self._all[now.astimezone(UTC).date()] += 1
        elif tenant.most is not None:
            self._own[tenant.id, walls.day_of(now, tenant.zone)] += 1

    def _hold_caps(self, now: datetime) -> None:
        if self.facts.cap_of_all and self._room_of_all(now) < 0:
            self.problems.append(f"{now}: the cap of all was exceeded")
        for tenant in self.facts.cast.tenants.values():
            if not self.facts.cap_of_all and self._room(tenant, now) < 0:
                self.problems.append(f"{now}: the cap of {tenant.name} was exceeded")
