"""From the text of a cron expression to the values of its fields, or a message a person can use.

Plain fields (`fields`) and the forms beyond them (`special`) are read here. croniter 7 decides
about any other text (C1). Refused although croniter takes them, because nobody could tell what they
would do: `5-5` (croniter reads it as every value, crontab(5) as one), a step over a range that
wraps (croniter loses values: `apr-feb/5` leaves out February), `H` and `R` (a hash and a random
number).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from shared.recurrence.fields import DAY, FIELDS, WEEKDAY, Field, plain
from shared.recurrence.invalid import InvalidRecurrence
from shared.recurrence.special import Parts

FIVE = "minute, hour, day of month, month, day of week"
_LONGEST = 500
_ALIASES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_MORE = {
    "day of month": ", or as L, L-3, 15W or LW",
    "day of week": ", or as 5L or 5#2",
}
_RANGE = re.compile(r"(\w+)-(\w+)(/\d+)?", re.ASCII)
_NEAREST_WEEKDAY = re.compile(r"\S*w\S*", re.ASCII)
_HASHED = re.compile(r"[hr](\(.*\))?(/.*)?", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Expanded:
    """What an expression names."""

    values: Sequence[Sequence[int]]
    """Of each field, sorted; Sunday is 0."""
    from_last: Sequence[int] = ()
    """Days of the month from its last: 0 for `L`, -3 for `L-3`."""
    nearest: Sequence[int] = ()
    """Days of the month whose nearest weekday is meant; 0 for `LW`."""
    nth: Sequence[tuple[int, int]] = ()
    """(weekday, which one in the month), -1 for the last."""


def split(expression: object) -> list[str]:
    """The five fields, in lower case."""
    if not isinstance(expression, str) or not expression.strip():
        raise _refused(f"give five fields: {FIVE}")
    if len(expression) > _LONGEST or not expression.isascii():
        raise _refused(f"give at most {_LONGEST} characters, of plain ASCII")
    texts = expression.lower().split()
    if len(texts) == len(FIELDS):
        return texts
    if len(texts) == 1 and texts[0] in _ALIASES:
        return _ALIASES[texts[0]].split()
    raise _refused(_wrong_count(texts))


def expand(texts: Sequence[str]) -> Expanded:
    """The values of the five fields."""
    values: list[Sequence[int]] = []
    special: dict[int, Parts] = {}
    for index, text in enumerate(texts):
        found = plain(text, FIELDS[index])
        if found is None:
            parts = special[index] = _parts(text, FIELDS[index])
            found = tuple(sorted(parts.values))
        values.append(found)
    if not special:
        return Expanded(values=values)
    days, weekdays = special.get(DAY), special.get(WEEKDAY)
    return Expanded(
        values=values,
        from_last=sorted(days.from_last) if days else (),
        nearest=sorted(days.nearest) if days else (),
        nth=sorted(weekdays.nth) if weekdays else (),
    )


def _parts(text: str, field: Field) -> Parts:
    """What a field names that is more than plain."""
    parts = Parts()
    for part in text.split(","):
        if not parts.add(part, field):
            _add_by_croniter(parts, part, text, field)
    return parts


def _add_by_croniter(parts: Parts, part: str, text: str, field: Field) -> None:
    """Add what croniter reads in a part, or raise."""
    # Here, since it takes 70 ms to import and most processes never meet such an expression.
    from croniter import CroniterError, croniter

    why = _unclear(part, field)
    if why:
        raise _refused(f"{field.name} {part!r:.60}: {why}")
    alone = ["*"] * len(FIELDS)
    alone[FIELDS.index(field)] = part
    try:
        expanded, nth = croniter.expand(" ".join(alone))
    except CroniterError as error:
        raise _refused(f"{field.name} {text[:60]!r}: {_what_is_wrong(text, field)}") from error
    found = expanded[FIELDS.index(field)]
    parts.values.update(field.every if "*" in found else (int(v) for v in found if v != "l"))
    if "l" in found:
        parts.from_last.add(0)
    parts.nth.update((int(day), _which(which)) for day, each in nth.items() for which in each)


def refuse_steps(texts: Sequence[str]) -> None:
    """Raise for a step that never reaches a second value: it says what it does not do.

    One as long as the whole field (`*/60`, `30/60`) says once a cycle, and means it.
    """
    for text, field in zip(texts, FIELDS, strict=True):
        for part in text.split(","):
            body, _, step = part.partition("/")
            span = _span(body, field) if step.isdecimal() else None
            if span is None or int(step) <= span or int(step) == len(field.every):
                continue
            right = f"the largest that does is {span}" if span else f"write {body!r} for that one"
            raise _refused(
                f"{field.name} {part!r:.60}: a step of {step:.20} never reaches a second value; "
                f"{right}, and {len(field.every)} means once {field.cycle}"
            )


def _span(body: str, field: Field) -> int | None:
    """How far it is from the first value that a step is taken over to the last."""
    low, dash, high = body.partition("-")
    if body == "*":
        return len(field.every) - 1
    first = _bound(low, field)
    last = _bound(high, field) if dash else field.every[-1]
    if first is None or last is None or first > last:
        return None
    return min(last - first, len(field.every) - 1)


def _bound(text: str, field: Field) -> int | None:
    """The value of an end of a range; Sunday may be 7, and the last day of the month L."""
    if field is FIELDS[WEEKDAY] and text == "7":
        return 7
    return field.every[-1] if field is FIELDS[DAY] and text == "l" else field.values.get(text)


def _which(nth: object) -> int:
    return -1 if nth == "l" else int(str(nth))


def _unclear(part: str, field: Field) -> str | None:
    if _HASHED.fullmatch(part):
        return "'H' and 'R' would be drawn at random; write the value"
    if field is FIELDS[DAY] and _NEAREST_WEEKDAY.fullmatch(part):
        return "write '15W' for the weekday nearest to the 15th, 'LW' for the last of the month"
    if field is FIELDS[DAY] and part.startswith("l-"):
        return "write 'L-1' for the day before the last one, up to 'L-30'"
    if field is FIELDS[WEEKDAY] and part.startswith("7/"):
        return "write Sunday as 0 where a step follows"
    bounds = _RANGE.fullmatch(part)
    return _unclear_range(bounds[1], bounds[2], bounds[3], field) if bounds else None


def _unclear_range(low: str, high: str, step: str | None, field: Field) -> str | None:
    first, last = _bound(low, field), _bound(high, field)
    if first is None or last is None:
        return None
    if first == last or (first, last) == (7, 0):
        return f"a range from a value to itself; write {low!r} for that one, '*' for all"
    if first > last and step:
        return "a step over a range that wraps around; write the values as a list"
    return None


def _wrong_count(texts: Sequence[str]) -> str:
    if texts[0].startswith("@"):
        return f"{texts[0][:20]!r} is none of {', '.join(_ALIASES)}; or give five fields: {FIVE}"
    if len(texts) == 6:
        return f"six fields; Belfry takes five: {FIVE}; drop the seconds (the first field)"
    count = "one field" if len(texts) == 1 else f"{len(texts)} fields"
    return f"{count}; Belfry takes five: {FIVE}"


def _what_is_wrong(text: str, field: Field) -> str:
    for number in re.findall(r"(?<![/#\d])\d+", text):
        sunday = field is FIELDS[WEEKDAY] and number == "7"
        if int(number[:9]) not in field.every and not sunday:
            return f"{number[:20]} is out of range; the {field.name} is {field.extent}"
    forms = "'*', a value, a range a-b, a step */n or a list a,b"
    return f"the {field.name} is {field.extent}, as {forms}{_MORE.get(field.name, '')}"


def _refused(message: str) -> InvalidRecurrence:
    return InvalidRecurrence("cron_expression", message)
