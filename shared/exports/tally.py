"""Rows added up: key figures, groups, and a chart. Pure.

In memory are a few numbers for each group and each day, however many rows there are. Beyond `MOST`
groups the rest is added up as one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal

from shared.exports.kinds import Column, Kind, Row, Spec, Value

MOST = 10_000
"""So many groups have a row of their own."""
OTHERS = "(others)"
_BARS = 62
"""A chart has at most so many bars: then it counts weeks, and then months."""
_PLACES = Decimal("0.000001")
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Figure:
    """A key figure."""

    name: str
    title: str
    value: Value


@dataclass(frozen=True, slots=True)
class Bar:
    """How much there was of something."""

    label: str
    good: int
    bad: int


@dataclass(slots=True)
class _Sums:
    """Of one group, or of all."""

    count: int = 0
    split: Counter[str] = field(default_factory=Counter)
    sums: dict[str, Decimal] = field(default_factory=dict)
    counted: Counter[str] = field(default_factory=Counter)
    """Of each mean: how many values it has."""
    most: dict[str, Decimal] = field(default_factory=dict)

    def add(self, split: str, numbers: Sequence[tuple[str, Value]]) -> None:
        """Count a row: what it is split by, and what is added up, by name."""
        self.count += 1
        self.split[split] += 1
        for name, value in numbers:
            if value is None or isinstance(value, str | datetime):
                continue
            number = value if isinstance(value, Decimal) else Decimal(str(value))
            self.sums[name] = self.sums.get(name, _NOTHING) + number
            self.counted[name] += 1
            self.most[name] = max(self.most.get(name, number), number)

    def cells(self, spec: Spec) -> Iterator[Value]:
        yield self.count
        yield from (self.split[one] for one in spec.values)
        yield from (_plain(spec.column(one), self.sums.get(one)) for one in spec.sums)
        for one in spec.means:
            yield from (self.mean(one), _short(self.most.get(one)))

    def mean(self, name: str) -> Decimal | None:
        of = self.counted[name]
        return _short(self.sums[name] / of) if of else None


class Tally:
    """Counts the rows of a report."""

    def __init__(self, spec: Spec, where: tzinfo, span: tuple[datetime, datetime]) -> None:
        """`where`: whose days the chart counts. `span`: the chart has each of its days."""
        self._spec = spec
        self._where = where
        self._span = span
        self._split = spec.index(spec.split)
        self._group = [spec.index(one) for one in spec.group]
        self._numbers = [(one, spec.index(one)) for one in (*spec.sums, *spec.means)]
        self._when = spec.index(spec.when) if spec.when else None
        self._all = _Sums()
        self._groups: dict[tuple[Value, ...], _Sums] = {}
        self._days: dict[date, list[int]] = {}

    @property
    def count(self) -> int:
        """How many rows were counted."""
        return self._all.count

    def add(self, row: Row) -> None:
        """Count a row."""
        split = str(row[self._split])
        numbers = [(name, row[at]) for name, at in self._numbers]
        self._all.add(split, numbers)
        key = tuple([row[at] for at in self._group])
        group = self._groups.get(key)
        if group is None:
            if len(self._groups) >= MOST:
                key = tuple(OTHERS if at == 0 else None for at in range(len(key)))
            group = self._groups.setdefault(key, _Sums())
        group.add(split, numbers)
        at = None if self._when is None else row[self._when]
        if isinstance(at, datetime):
            bad = split in self._spec.bad
            self._days.setdefault(at.astimezone(self._where).date(), [0, 0])[bad] += 1

    def figures(self) -> list[Figure]:
        """The key figures: how many, of which kinds, and what they come to."""
        spec, found = self._spec, [Figure("count", self._spec.title, self._all.count)]
        found += [
            Figure(value, value.capitalize(), self._all.split[value])
            for value in spec.values
            if self._all.split[value]
        ]
        if (rate := self._rate()) is not None:
            found.append(Figure("success_percent", "Success rate (%)", rate))
        for name in spec.sums:
            column = spec.column(name)
            value_ = _plain(column, self._all.sums.get(name))
            if value_ is not None:
                found.append(Figure(f"{name}_total", f"{column.title}, total", value_))
        for name in spec.means:
            title = spec.column(name).title
            if (mean := self._all.mean(name)) is not None:
                found.append(Figure(f"{name}_mean", f"{title}, mean", mean))
                most = _short(self._all.most[name])
                found.append(Figure(f"{name}_max", f"{title}, most", most))
        return found

    def _rate(self) -> Decimal | None:
        """The share of the good among the good and the bad."""
        good = self._all.split[self._spec.rated] if self._spec.rated else 0
        both = good + sum(self._all.split[one] for one in self._spec.bad)
        return round(Decimal(100 * good) / both, 1) if self._spec.rated and both else None

    def columns(self) -> list[Column]:
        """The columns of a summary."""
        return summary_columns(self._spec)

    def rows(self) -> Iterator[Row]:
        """The rows of a summary, in the order of their groups; the others come last."""
        for key in sorted(self._groups, key=lambda one: (one[0] == OTHERS, *map(_order, one))):
            yield (*key, *self._groups[key].cells(self._spec))

    def chart(self) -> list[Bar]:
        """By days, weeks or months; of data without a time by what they are split by."""
        if not self._spec.when:
            split, bad = self._all.split, self._spec.bad
            return [
                Bar(one.capitalize(), *((0, split[one]) if one in bad else (split[one], 0)))
                for one in self._spec.values
            ]
        if not self._days:
            return []
        since, until = (one.astimezone(self._where) for one in self._span)
        last = (until - timedelta(microseconds=1)).date()
        return _bars(self._days, min(*self._days, since.date()), max(*self._days, last))


def summary_columns(spec: Spec) -> list[Column]:
    """The columns that a summary of such rows has."""
    found = [spec.column(one) for one in spec.group]
    found.append(Column("count", "All", Kind.NUMBER, 6))
    found += [Column(one, one.capitalize(), Kind.NUMBER, 8) for one in spec.values]
    for name in spec.sums:
        one = spec.column(name)
        found.append(Column(f"{name}_total", one.title, one.kind, 10))
    for name in spec.means:
        title = spec.column(name).title
        found.append(Column(f"{name}_mean", f"{title}, mean", Kind.DECIMAL, 9))
        found.append(Column(f"{name}_max", f"{title}, most", Kind.DECIMAL, 9))
    return found


def _bars(days: dict[date, list[int]], first: date, last: date) -> list[Bar]:
    length = (last - first).days + 1
    if length <= _BARS:
        every = (first + timedelta(days=n) for n in range(length))
        return [Bar(f"{one:%m-%d}", *days.get(one, (0, 0))) for one in every]
    if length <= 7 * _BARS:
        monday = first - timedelta(days=first.weekday())
        weeks = range(0, (last - monday).days + 1, 7)
        return [_together(days, monday + timedelta(days=n), 7) for n in weeks]
    months = sorted({(one.year, one.month) for one in days})
    return [
        Bar(f"{year}-{month:02}", *_sum([v for d, v in days.items() if (d.year, d.month) == of]))
        for of in months
        for year, month in [of]
    ][-_BARS:]


def _together(days: dict[date, list[int]], first: date, many: int) -> Bar:
    some = [days.get(first + timedelta(days=n), [0, 0]) for n in range(many)]
    return Bar(f"{first:%m-%d}", *_sum(some))


def _sum(some: Sequence[Sequence[int]]) -> tuple[int, int]:
    return sum(one[0] for one in some), sum(one[1] for one in some)


def _short(value: Decimal | None) -> Decimal | None:
    return None if value is None else value.quantize(_PLACES).normalize() + 0


def _plain(column: Column, value: Decimal | None) -> Value:
    if value is None:
        return 0 if column.kind is Kind.NUMBER else None
    return int(value) if column.kind is Kind.NUMBER else _short(value)


def _order(value: Value) -> tuple[bool, str]:
    return value is None, str(value)
