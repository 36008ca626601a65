"""Formats and data of exports, and which go together. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

Value: TypeAlias = "str | int | Decimal | float | bool | datetime | None"
"""A cell. An instant is aware, and is written in UTC."""
Row: TypeAlias = Sequence[Value]


class Format(StrEnum):
    """The formats. Each is a module of `formats`."""

    SARIF = "sarif"
    MARKDOWN = "markdown"
    CSV = "csv"
    JSON = "json"
    NDJSON = "ndjson"
    HTML = "html"
    PDF = "pdf"
    XLSX = "xlsx"
    PARQUET = "parquet"


class Data(StrEnum):
    """What an export is about."""

    RUNS = "runs"
    SCHEDULES = "schedules"
    OCCURRENCES = "occurrences"
    AUDIT = "audit"
    COSTS = "costs"
    FINDINGS = "findings"


class ReportType(StrEnum):
    """How much of it."""

    SUMMARY = "summary"
    """Key figures, and a row for each group, such as each schedule."""
    FULL = "full"
    """A row for each thing."""


class Kind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    NUMBER = "number"
    """Whole numbers."""
    DECIMAL = "decimal"
    INSTANT = "instant"
    FLAG = "flag"


@dataclass(frozen=True, slots=True)
class Column:
    """A column."""

    name: str
    """As machines read it."""
    title: str
    """As people do."""
    kind: Kind = Kind.TEXT
    weight: int = 10
    """How wide it is on a page, beside the others."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Spec:
    """What the rows of some data look like, and how they are added up."""

    title: str
    columns: Sequence[Column]
    group: Sequence[str]
    """The columns by which a summary has its rows."""
    split: str
    """The column whose values are counted."""
    values: Sequence[str]
    """Its values, in their order."""
    bad: frozenset[str] = frozenset()
    """Those of them that are bad news: of another colour in a chart."""
    when: str = ""
    """The column by whose days the chart counts; empty: the chart counts by `split`."""
    sums: Sequence[str] = ()
    """Columns that are added up."""
    means: Sequence[str] = ()
    """Columns of which the mean and the longest are told."""
    shown: Sequence[str] = ()
    """The columns that fit on a page of paper; those of files are all."""
    rated: str = ""
    """The value of `split` whose share of the good and the bad is told."""

    def column(self, name: str) -> Column:
        """The column of that name."""
        return next(one for one in self.columns if one.name == name)

    def index(self, name: str) -> int:
        """Its place in a row."""
        return [one.name for one in self.columns].index(name)
