"""Which backups of one row are kept, and why. Pure functions: values in, values out.

A backup is kept if any rule keeps it. The generation rules (hourly to yearly) work like restic's
`forget --keep-daily` and so on: each rule, on its own, keeps the newest backup of each of the last
N days *that have one* (https://restic.readthedocs.io/en/stable/060_forget.html). Two habits of
other tools are not followed: restic also keeps the oldest backup while a rule has places left, and
each of Proxmox's rules begins where the one before ended
(https://pbs.proxmox.com/docs/maintenance.html#pruning). As with Proxmox, weeks are ISO weeks.

Only proved backups take places. One that is suspicious is kept where a rule would keep it, but
takes no other's place. One dated in the future by a wrong clock is kept, and takes none either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.backups.params import Retention

EXAMINED = timedelta(days=7)
"""How long an unverified backup is kept, for someone to look at it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """A backup, as far as retention looks at it."""

    id: str
    started_at: datetime
    verified: bool
    suspicious: bool = False
    """It is suspicious, and nobody has accepted it."""
    damaged_at: datetime | None = None
    """When it was last found damaged."""
    unprovable: bool = False
    """It cannot be proved, since the data breaks the database's own rules."""
    proved_once: bool = False
    """A proof of it has succeeded, whatever a later one found."""

    @property
    def counts(self) -> bool:
        """Whether it takes a place in the rules. One that was proved once does so even if its data
        breaks the rules now, as it is still what was dumped."""
        return self.verified or (self.unprovable and self.proved_once)


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """Whether a backup is kept, and why."""

    id: str
    keep: bool
    reasons: tuple[str, ...]
    """Why it is kept or, if it is not, why nothing keeps it; for a person."""


_Reasons = dict[str, list[str]]
_SOUND = " that is not suspicious"

_GENERATIONS: Mapping[str, tuple[str, Callable[[datetime], str]]] = {
    "hourly": ("hours", lambda at: f"{at:%Y-%m-%d %H}:00"),
    "daily": ("days", lambda at: f"{at:%Y-%m-%d}"),
    "weekly": ("weeks", lambda at: "{}-W{:02}".format(*at.isocalendar())),
    "monthly": ("months", lambda at: f"{at:%Y-%m}"),
    "yearly": ("years", lambda at: f"{at:%Y}"),
}
"""By rule: the unit that it counts, and the name of the unit that an instant (UTC) falls into."""


def decide(
    backups: Iterable[Held], retention: Retention, now: datetime, *, held: str | None = None
) -> list[Verdict]:
    """A verdict on each backup of a row, newest first.

    Whatever the rules say, the newest verified backup is kept. While none is verified, everything
    is kept, except that of those that could never be proved only the newest is. `held`: why nothing
    at all may be removed now.
    """
    row = sorted(backups, key=_age, reverse=True)
    kept: _Reasons = {one.id: [] for one in row}
    unneeded: dict[str, str] = {}
    # A backup that a wrong clock dated in the future would come first in every rule for years.
    past = [one for one in row if one.started_at <= now]
    counted = [one for one in past if one.counts]
    proved = [one for one in counted if one.verified]
    _by_age(counted, retention, now, kept)
    for which, wanted in (("", counted), (_SOUND, _sound(counted))):
        _by_count(wanted, retention, which, kept)
        _by_generation(wanted, retention, which, kept)
    for one in [*proved[:1], *_sound(proved)[:1]]:
        _add(kept, one, "the last verified one" + ("" if one is proved[0] else _SOUND))
    if not proved and counted:
        _add(kept, counted[0], "the last that was verified once")
    newest = next((one for one in past if one.unprovable and not one.counts), None)
    for one in row:
        if one.started_at > now:
            _add(kept, one, "it is of the future: a clock was wrong")
        elif one.counts:
            continue
        elif one.unprovable and newest is not None and one is not newest:
            unneeded[one.id] = f"it cannot be proved, as {newest.id} cannot, which is newer"
        else:
            _to_examine(one, proved, now, kept)
    return [
        _verdict(one, kept[one.id], proved, retention, held, unneeded.get(one.id)) for one in row
    ]


def _sound(pool: Sequence[Held]) -> list[Held]:
    return [one for one in pool if not one.suspicious]


def _age(one: Held) -> tuple[datetime, str]:
    return one.started_at, one.id


def _add(kept: _Reasons, one: Held, reason: str) -> None:
    """Add a reason, unless an earlier pool has already given the same one in other words."""
    if not any(reason.startswith(known) for known in kept[one.id]):
        kept[one.id].append(reason)


def _by_age(proved: Sequence[Held], retention: Retention, now: datetime, kept: _Reasons) -> None:
    if retention.days is None:
        return
    for one in proved:
        if now - one.started_at < timedelta(days=retention.days):
            _add(kept, one, f"days: younger than {_counted(retention.days, 'days')}")


def _by_count(pool: Sequence[Held], retention: Retention, which: str, kept: _Reasons) -> None:
    for one in pool[: retention.count or 0]:
        _add(kept, one, f"count: among the newest {retention.count}{which}")


def _by_generation(pool: Sequence[Held], retention: Retention, which: str, kept: _Reasons) -> None:
    for rule, (_, name_of) in _GENERATIONS.items():
        places: int = getattr(retention, rule) or 0
        newest: dict[str, Held] = {}
        for one in pool:
            newest.setdefault(name_of(one.started_at.astimezone(UTC)), one)
        for name, one in list(newest.items())[:places]:
            _add(kept, one, f"{rule}: the newest of {name}{which}")


def _to_examine(one: Held, proved: Sequence[Held], now: datetime, kept: _Reasons) -> None:
    if now - max(one.started_at, one.damaged_at or one.started_at) < EXAMINED:
        _add(kept, one, f"not verified: kept for {EXAMINED.days} days, to be examined")
    elif not proved or proved[0].started_at <= one.started_at:
        _add(kept, one, "not verified, and no newer one is")


def _verdict(
    one: Held,
    reasons: Sequence[str],
    proved: Sequence[Held],
    retention: Retention,
    held: str | None,
    unneeded: str | None,
) -> Verdict:
    if reasons:
        return Verdict(id=one.id, keep=True, reasons=tuple(reasons))
    if held is not None:
        return Verdict(id=one.id, keep=True, reasons=(f"held: {held}",))
    if unneeded is not None:
        return Verdict(id=one.id, keep=False, reasons=(unneeded,))
    if one.counts:
        return Verdict(id=one.id, keep=False, reasons=(f"nothing keeps it: {_unkept(retention)}",))
    reason = (
        f"not verified for more than {EXAMINED.days} days, and {proved[0].id} is newer and verified"
    )
    return Verdict(id=one.id, keep=False, reasons=(reason,))


def _unkept(retention: Retention) -> str:
    """Why no rule keeps a verified backup: what each rule demands that it does not fulfil."""
    said = []
    if retention.days is not None:
        said.append(f"older than {_counted(retention.days, 'days')}")
    if retention.count is not None:
        said.append(f"not among the newest {retention.count}")
    for rule, (unit, _) in _GENERATIONS.items():
        places: int | None = getattr(retention, rule)
        if places is not None:
            last = f"the last {_counted(places, unit)}" if places > 1 else f"the last {unit[:-1]}"
            said.append(f"not the newest of {last}")
    return ", ".join(said)


def _counted(number: int, units: str) -> str:
    return f"{number} {units if number > 1 else units[:-1]}"
