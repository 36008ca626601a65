"""An index over an app's stores, as a process has it, with snapshots of shards of any size."""

from __future__ import annotations

import threading
from typing import Any

from azure.core.pipeline.transport import RequestsTransport

from shared.app import App
from shared.listing.listing import Listing
from shared.listing.snapshots import Snapshots
from shared.schedules.listed import Listed, listed
from shared.storage.blobs.container import Container
from shared.storage.names import Names
from shared.storage.tables.changed import ScheduleFeed
from shared.storage.tables.schedules import ScheduleTable


def index(app: App, page: int = 1) -> Listing:
    """A new process's index: it knows nothing yet."""
    container = Container(lambda: app.connection.container(Names(app.settings.prefix).index))
    feed = ScheduleFeed(app.table._table, app.table.shards)
    return Listing(app.table, feed, Snapshots(container, app.meta), app.clock, page)


def known(listing: Listing) -> dict[str, Listed]:
    """What it says now."""
    listing.refresh()
    found = {one: listing.columns.get(one) for one in listing.columns.known()}
    return {schedule_id: one for schedule_id, one in found.items() if one is not None}


def true(table: ScheduleTable) -> dict[str, Listed]:
    """What the rows say."""
    return {one.id: listed(one) for one in table.schedules()}


class Killed(BaseException):
    """The process ends here."""


class Dying(RequestsTransport):  # type: ignore[misc]
    """A transport whose process is killed at a request: before it is sent, or when it was done."""

    def __init__(self) -> None:
        super().__init__()
        self.left: int | None = None
        """Requests until then; None: it lives."""
        self.done_first = False
        self.asked = 0
        self._lock = threading.Lock()

    def send(self, request: Any, **options: Any) -> Any:
        with self._lock:
            self.asked += 1
            dies = self.left is not None and self.left <= 0
            last = dies and self.left == 0
            if self.left is not None:
                self.left -= 1
        if dies and not (last and self.done_first):
            raise Killed
        answer = super().send(request, **options)
        if dies:
            raise Killed
        return answer
