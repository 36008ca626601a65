"""The parameters of the task `batch` (C12): which operation, on which targets, how fast. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from shared.batch.model import MOST_ITEMS, Item
from shared.batch.template import NAME, references
from shared.errors import Invalid
from shared.recurrence import Frequency
from shared.tasks.customers import CustomerParams
from shared.tasks.model import Flag

FILE_ID = "u[0-9a-f]{16}"
"""What the id of a file of items looks like, whole."""
_LISTED = 1_000
Whole: TypeAlias = Annotated[int, Field(strict=True)]


def _given(value: object) -> dict[str, object]:
    """An item as an object; an id alone is one that has only that."""
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return {"id": str(value)}
    if not isinstance(value, dict) or any(isinstance(one, dict | list) for one in value.values()):
        raise ValueError("give an id, or an object of plain values")
    return value


Given: TypeAlias = Annotated[
    Any, AfterValidator(_given), WithJsonSchema({"type": ["string", "integer", "object"]})
]


class Operation(StrEnum):
    """What is done to each target."""

    TASK = "task"
    """A task is called with parameters that are made of the item."""
    CHANGE = "change"
    ENABLE = "enable"
    DISABLE = "disable"
    RUN = "run"


class ScheduleFilter(BaseModel):
    """Which schedules of the batch's project: those that fit every field; without fields, all.
    Schedules that were made for a single run are not among them, and the batch's own is not."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    task_types: list[str] | None = Field(default=None, min_length=1, max_length=20)
    tags: dict[str, str] | None = Field(default=None, min_length=1, max_length=10)
    """Names and values that they must all have."""
    frequency: Frequency | None = None
    enabled: Flag | None = None
    name_contains: str | None = Field(default=None, min_length=1, max_length=200)
    """Part of the name, whether in capitals or not."""


class BatchParams(CustomerParams):
    """What one operation does to many targets."""

    operation: Operation = Operation.TASK
    """`task` calls a task for each item; `change`, `enable`, `disable` and `run` do so to
    schedules."""
    task_type: str | None = Field(default=None, max_length=40)
    """For `task`: which one; not `batch`."""
    task_parameters: dict[str, Any] | None = None
    """For `task`: its parameters. `{"item": "NAME"}` stands for a value of the item
    (docs/batch.md)."""
    change: dict[str, Any] | None = None
    """For `change`: the fields that PATCH of a schedule takes; `{"item": "NAME"}` as above."""
    items: list[Given] | None = Field(default=None, min_length=1, max_length=_LISTED)
    """The targets themselves: ids, or objects with plain values. Of schedules: their ids."""
    filter: ScheduleFilter | None = None
    """Schedules of the project. An item has their id, name, task_type, frequency and enabled."""
    resources: Literal["target"] | None = None
    """All resources of that kind of the project. An item has their id and name."""
    file: str | None = Field(default=None, pattern=f"^{FILE_ID}$", examples=["u0123456789abcdef"])
    """The id of a CSV file that was sent (`POST /api/v1/batches/files`): a row is an item."""
    concurrency: Whole = Field(default=4, ge=1, le=32)
    """Items at work at once."""
    per_minute: Whole | None = Field(default=None, ge=1, le=60_000)
    """Items that begin in a minute, evenly. Default: null, no limit."""
    item_timeout_seconds: Whole = Field(default=60, ge=1, le=3600)
    """For `task`: how long one item may take."""
    stop_at_error_percent: Whole | None = Field(default=50, ge=1, le=100)
    """The batch stops, and its job fails, once so many of the items that ended are errors; null:
    never."""
    stop_at_error_after: Whole = Field(default=100, ge=1, le=MOST_ITEMS)
    """Before so many items have ended, stop_at_error_percent does not count."""
    dry_run: Flag = False
    """Say of each item what would be done, and do nothing."""

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        given = [name for name in _SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            several = f", not by {' and '.join(given)}" if given else ""
            raise ValueError(f"say what the targets are, by one of {', '.join(_SOURCES)}{several}")
        for name, only in (("task_type", "task"), ("task_parameters", "task"), ("change",) * 2):
            if getattr(self, name) is not None and self.operation != only:
                raise ValueError(f"{name}: it is for the operation {only!r}; leave it out")
        if self.operation is Operation.TASK and self.task_type is None:
            raise ValueError("task_type: say which task is called for each item")
        if self.operation is Operation.CHANGE and not self.change:
            raise ValueError("change: give the fields that each schedule gets")
        if self.operation is not Operation.TASK and self.resources is not None:
            raise ValueError(
                f"resources: {self.operation} works on schedules; give filter or items"
            )
        self._hold_names()
        return self

    def _hold_names(self) -> None:
        """What references name must be there, as far as that is known."""
        try:
            asked = set(references(self.template, self.template_field))
        except Invalid as error:
            raise ValueError(str(error)) from None
        for number, item in enumerate(self.listed):
            if wrong := [name for name in item if not NAME.fullmatch(name)]:
                raise ValueError(f"items: {wrong[0]!r:.120} is no name of a value")
            if missing := asked - item.keys():
                raise ValueError(f"items: item {number} has no value {min(missing)!r}")
        if self.filter is not None and (missing := asked - set(OF_SCHEDULES)):
            raise ValueError(f"a schedule has no value {min(missing)!r}; it has {_those()}")
        if self.resources is not None and (missing := asked - {"id", "name"}):
            raise ValueError(f"a resource has no value {min(missing)!r}; it has id, name")

    @property
    def template(self) -> Mapping[str, object]:
        """What an item's values are put into."""
        return (self.task_parameters if self.operation is Operation.TASK else self.change) or {}

    @property
    def template_field(self) -> str:
        return "task_parameters" if self.operation is Operation.TASK else "change"

    @property
    def listed(self) -> list[Item]:
        """The items of `items`."""
        return list(self.items or ())


_SOURCES = ("items", "filter", "resources", "file")
OF_SCHEDULES = ("id", "name", "task_type", "frequency", "enabled")
"""The names of the values of a schedule as an item."""


def _those() -> str:
    return ", ".join(OF_SCHEDULES)
