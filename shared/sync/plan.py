"""What a sync is told: the parameters of the task `sync`. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from shared.tasks.customers import CustomerParams, ResourceId
from shared.tasks.model import Flag

Name = Annotated[str, Field(min_length=1, max_length=63)]


class Mode(StrEnum):
    """How it finds what is new."""

    FULL = "full"
    """It copies everything, each time."""
    ETAG = "etag"
    """What differs between the two places; the default of containers and tables."""
    WATERMARK = "watermark"
    """What was changed since the newest change that it has copied."""
    KEY = "key"
    """What comes after the last key that it has copied, for what is only ever appended."""


class Deletions(StrEnum):
    """What becomes of what is gone at the source."""

    KEEP = "keep"
    DELETE = "delete"


class Verify(StrEnum):
    """How a copy is held against its original."""

    COUNTS = "counts"
    """By its size."""
    HASHES = "hashes"
    """Also by the MD5 that the storage computes of what it got, and that the source has."""
    READ_BACK = "read_back"
    """Also by reading it back."""


class Format(StrEnum):
    """What the rows of a database are written as."""

    CSV = "csv"
    PARQUET = "parquet"


class Formulas(StrEnum):
    """What becomes of texts in CSV that a spreadsheet would run."""

    ESCAPE = "escape"
    """They get an apostrophe in front."""
    KEEP = "keep"


class SyncPlan(CustomerParams):
    """What is copied, where to, and how. Nothing given: the project's only pair."""

    RESOURCES: ClassVar[tuple[str, ...]] = ("pair_id", "source_id", "destination_id")

    pair_id: ResourceId | None = None
    """A target of the kind pair, which names source and destination."""
    source_id: ResourceId | None = None
    """A target of the kind sql, container or table; with `destination_id`."""
    destination_id: ResourceId | None = None
    """A target of the kind container (of sql, container) or table (of table)."""
    mode: Mode | None = None
    """How it finds what is new. Default: etag; of a database full."""
    deletions: Deletions = Deletions.KEEP
    """What becomes of what is gone at the source; `delete` needs the mode etag. Of a container,
    only what a sync from the same source had copied is ever deleted."""
    max_delete_percent: float = Field(default=10, ge=0, le=100)
    """If more of the destination would go, nothing is deleted, and the run fails."""
    protect_newer: Flag = False
    """Whether to keep a blob of the destination that somebody else wrote after the source's."""
    prefix: str = Field(default="", max_length=1024)
    """Of a container: copies only the blobs whose names begin so. Of a table: the partitions."""
    filter: str = Field(default="", max_length=2000)
    """Of a table: copies only the entities that match this OData filter."""
    table: str = Field(default="", max_length=127)
    """Of a database: the table or view, as `name` or `schema.name`."""
    columns: list[Name] = Field(default_factory=list, max_length=500)
    """Of a database: what is copied. Default: all columns."""
    key: list[Name] = Field(default_factory=list, max_length=8)
    """Of a database: the columns that identify a row, and by which it is read in order. Default:
    its primary key; a view has none."""
    watermark: str = Field(default="", max_length=63)
    """The column (database) or property (table; default: Timestamp) that grows with each change,
    for the mode watermark."""
    overlap: float = Field(default=0, ge=0, le=10_000_000)
    """How far before the newest change it looks again for what was committed late: in seconds, or
    in the units of a column of numbers."""
    format: Format = Format.CSV
    """Of a database. Parquet must be installed (pyarrow), which it need not be."""
    formulas: Formulas = Formulas.ESCAPE
    """Of CSV: what becomes of texts that begin with = + - @, a tab or a line break."""
    folder: str = Field(default="", max_length=200)
    """Of a database: the folder in the container. Default: the table's name."""
    part_rows: int = Field(default=100_000, ge=1, le=1_000_000)
    """Of a database: the most rows in one file; 32 MB also end one."""
    verify: Verify = Verify.HASHES
    """How a copy is compared with its source: by counts, by hashes, or read back as a whole."""
    bytes_per_second: int | None = Field(default=None, ge=1_000)
    """The most that is copied in a second. Default: no limit."""
    items_per_second: float | None = Field(default=None, ge=0.01)
    """The same in blobs, entities or rows."""
    parallel: int = Field(default=8, ge=1, le=16)
    """How many copies are under way at once."""
    dry_run: Flag = False
    """Whether it only says what it would copy and delete."""

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.pair_id and (self.source_id or self.destination_id):
            raise ValueError("give pair_id, or source_id and destination_id, and not both")
        if bool(self.source_id) != bool(self.destination_id):
            raise ValueError("give source_id and destination_id together")
        if self.source_id and self.source_id == self.destination_id:
            raise ValueError("source_id and destination_id name the same target")
        if self.deletions is Deletions.DELETE and self.mode not in (None, Mode.ETAG):
            raise ValueError("deletions need the mode etag: no other looks at everything")
        if self.deletions is Deletions.DELETE and self.filter:
            raise ValueError("deletions do not go with a filter: it hides what is there")
        return self


class Kind(StrEnum):
    """What is copied to what."""

    CONTAINER = "container"
    TABLE = "table"
    DATABASE = "database"


def kind_of(source: str, destination: str) -> Kind:
    """The kind of a sync, by the kinds of its two targets. Raises `ValueError`."""
    known = {
        ("container", "container"): Kind.CONTAINER,
        ("table", "table"): Kind.TABLE,
        ("sql", "container"): Kind.DATABASE,
    }
    found = known.get((source, destination))
    if found is None:
        raise ValueError(
            f"nothing is copied from {source} to {destination}; give a container to a container, a "
            "table to a table, or sql to a container"
        )
    return found


_OF: dict[Kind, frozenset[str]] = {
    Kind.CONTAINER: frozenset(("prefix", "protect_newer")),
    Kind.TABLE: frozenset(("prefix", "filter", "watermark")),
    Kind.DATABASE: frozenset(
        ["table", "columns", "key", "watermark", "format", "formulas", "folder", "part_rows"]
    ),
}
_MODES: dict[Kind, tuple[Mode, ...]] = {
    Kind.CONTAINER: (Mode.ETAG, Mode.WATERMARK, Mode.KEY),
    Kind.TABLE: (Mode.ETAG, Mode.WATERMARK, Mode.KEY),
    Kind.DATABASE: (Mode.FULL, Mode.WATERMARK, Mode.KEY),
}


def mode_of(plan: SyncPlan, kind: Kind) -> Mode:
    """The mode that holds."""
    return plan.mode or _MODES[kind][0]


def misfit(plan: SyncPlan, kind: Kind) -> tuple[str, str] | None:
    """(the parameter that does not go with that kind, what would); None if all do."""
    elsewhere = frozenset[str]().union(*_OF.values()) - _OF[kind]
    given = sorted(name for name in elsewhere & plan.model_fields_set if getattr(plan, name))
    if given:
        owners = sorted(one.value for one, names in _OF.items() if given[0] in names)
        return given[0], f"it is for a sync of a {' or a '.join(owners)}, and this is a {kind}"
    if mode_of(plan, kind) not in _MODES[kind]:
        known = ", ".join(one.value for one in _MODES[kind])
        return "mode", f"a sync of a {kind} has {known}"
    if kind is Kind.DATABASE:
        return _misfit_of_database(plan)
    return None


def _misfit_of_database(plan: SyncPlan) -> tuple[str, str] | None:
    if not plan.table:
        return "table", "give the table or view that is copied, such as public.orders"
    if plan.deletions is Deletions.DELETE:
        return "deletions", "files of a database are not changed once they are written; use keep"
    if bool(plan.watermark) != (plan.mode is Mode.WATERMARK):
        return "watermark", "give the column with the mode watermark, and only with that"
    return None
