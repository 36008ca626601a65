"""Where the items of a batch come from. They are written down before the first is done, so that a
later attempt has the same list, whatever was made or deleted meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from shared.batch import table
from shared.batch.files import Files
from shared.batch.model import CHUNK, MOST_ITEMS, Item
from shared.batch.params import BatchParams, ScheduleFilter
from shared.errors import Invalid
from shared.listing.listing import Listing
from shared.listing.wanted import Wanted
from shared.resources.port import ResourceService

T = TypeVar("T")


class Sources:
    """The sources of one app. `resources`: made when it is first used."""

    def __init__(
        self, listing: Listing, files: Files, resources: Callable[[], ResourceService]
    ) -> None:
        self._listing = listing
        self._files = files
        self._resources = resources

    def items(
        self, params: BatchParams, project_id: int | None, schedule_id: str
    ) -> Iterable[Item]:
        """The items, as they are now. `schedule_id`: the batch's own. Raises `Invalid`, and
        `NotFound` for a file that is gone."""
        if params.filter is not None:
            return self._schedules(params.filter, project_id, schedule_id)
        if params.file is not None:
            return table.items(self._files.content(project_id, params.file))
        if params.resources is not None:
            found = self._resources().targets(project_id)
            return [{"id": one.id, "name": one.what.name} for one in found]
        return params.listed

    def _schedules(self, asked: ScheduleFilter, project_id: int | None, own: str) -> Iterator[Item]:
        ids = self._listing.ids(wanted(asked, project_id))
        for some in _groups(ids, CHUNK):
            known = self._listing.among(some)
            for one in map(known.get, some):
                if one is not None and one.id != own and one.project_id == project_id:
                    yield {
                        "id": one.id,
                        "name": one.name,
                        "task_type": one.task_type,
                        "frequency": one.frequency.value,
                        "enabled": one.enabled,
                    }


def wanted(asked: ScheduleFilter, project_id: int | None) -> Wanted:
    """What the list of schedules is asked for: of that project alone."""
    return Wanted(
        project_id=project_id,
        of_none=project_id is None,
        task_types=None if asked.task_types is None else frozenset(asked.task_types),
        tags=tuple(sorted((asked.tags or {}).items())),
        frequency=asked.frequency,
        enabled=asked.enabled,
        text=asked.name_contains or "",
        once=False,
    )


def in_files(items: Iterable[Item], size: int = CHUNK) -> Iterator[tuple[int, list[Item]]]:
    """(number, items) of each file of items. Raises `Invalid` if there are too many."""
    for number, some in enumerate(_groups(items, size)):
        if number * size + len(some) > MOST_ITEMS:
            raise Invalid("items", f"there are more than {MOST_ITEMS:,} targets")
        yield number, some


def _groups(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in lists of that size; the last may be shorter."""
    left = iter(items)
    while some := list(islice(left, size)):
        yield some
