"""Makes a week's report of what the sections say: (what they said, the reports of the weeks before)
-> report. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from shared.weekly import comparing, figures, late, rules
from shared.weekly.figures import Values
from shared.weekly.model import Lateness, Part, WeeklyReport
from shared.weekly.port import Said
from shared.weekly.week import Week

LATENESS = "lateness"


def report(
    week: Week,
    due_at: datetime,
    said: Mapping[str, Said],
    earlier: Mapping[Week, WeeklyReport],
    lateness: Lateness,
) -> WeeklyReport:
    """The report; `said` by section, `earlier`: the stored reports of the weeks before."""
    parts = [part(name, said[name], week, earlier) for name in figures.SECTIONS if said.get(name)]
    return WeeklyReport(
        week=week.name,
        first_day=week.monday,
        last_day=week.sunday,
        due_at=due_at,
        weeks=tuple(one.name for one in comparing.weeks_of(week)),
        findings=tuple(rules.found(parts)),
        sections=tuple(parts),
        lateness=lateness,
    )


def part(name: str, said: Said, week: Week, earlier: Mapping[Week, WeeklyReport]) -> Part:
    """A section. What can still be counted counts; of other weeks, what their reports said."""
    stored = {one: _of(name, there) for one, there in earlier.items()}
    found = comparing.compared({**stored, **said.weeks}, week)
    return Part(name=name, title=figures.SECTIONS[name], note=said.note, figures=tuple(found))


def _of(name: str, there: WeeklyReport) -> Values:
    """The figures of a section that a stored report has, as far as they are known here."""
    return {
        one: value
        for one, value in there.values().items()
        if one.partition(".")[0] == name and _known(one)
    }


def _known(name: str) -> bool:
    try:
        figures.base(name)
    except KeyError:
        return False
    return True


def lateness(
    week: Week, before: Lateness | None, now: Lateness, *, latest: bool
) -> tuple[str, Said]:
    """The section of lateness. `before`: as the report before it counted; `latest`: whether the
    week is the last one that is over."""
    if not latest:
        return LATENESS, Said(weeks={}, note="Nobody knows any more: the report was made later.")
    counts = late.between(before.counts if before is not None else None, now.counts)
    if before is None or counts is None:
        return LATENESS, Said(weeks={}, note="Known from the second report on.")
    note = f"Counted from {before.at:%Y-%m-%d %H:%M} to {now.at:%Y-%m-%d %H:%M} UTC, as the "
    note += "reports were made."
    return LATENESS, Said(weeks={week: late.values(counts)}, note=note)


def trend(report: WeeklyReport, most: int = 12) -> str | None:
    """What people are alerted of, in words; None: every figure is within its band."""
    outside: Sequence[str] = [one.text for one in report.findings if one.alert]
    if not outside:
        return None
    more = [f"and {len(outside) - most} more"] if len(outside) > most else []
    return f"In {report.week}: " + "; ".join([*outside[:most], *more]) + "."
