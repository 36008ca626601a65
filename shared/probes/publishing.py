"""Standing pages: a project's people make and change them; whoever knows a name reads one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from shared.access import Caller
from shared.audit.port import Action, Audit, Subject
from shared.clock import Clock
from shared.engine.commands.agreed import Agreed, afresh
from shared.errors import Conflict, Invalid, NotFound
from shared.probes import summaries
from shared.probes.model import Standing
from shared.probes.page_store import PageStore
from shared.probes.pages import (
    MOST,
    PublicCheck,
    Published,
    ShownCheck,
    StatusPage,
    is_slug,
    new_slug,
    worst,
)
from shared.probes.rows import Check
from shared.probes.service import is_stale
from shared.probes.store import Store
from shared.storage.tables.compare_and_set import compare_and_set

FRESH = 20.0
"""Seconds for which a process shows a page again without reading it, so that many readers cost as
much as one."""
_REMEMBERED = 500
"""The most pages that a process remembers."""


def _any(_: StatusPage) -> None:
    """Whatever the page is, it may be changed."""


class StatusPages:
    """The commands. Every method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(self, pages: PageStore, history: Store, audit: Audit, clock: Clock) -> None:
        self._pages = pages
        self._history = history
        self._audit = audit
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, Published]] = {}

    def page(self, by: Caller, page: int, size: int) -> tuple[list[StatusPage], int]:
        """(a page of those of the caller's projects, newest first; how many there are)."""
        return self._pages.page(by.projects, (page - 1) * size, size)

    def get(self, by: Caller, slug: str) -> StatusPage:
        """One page. Raises `NotFound`."""
        found = self._pages.get(slug) if is_slug(slug) else None
        if found is None or not by.sees(found.project_id):
            raise NotFound(f"there is no status page {slug!r:.70}")
        return found

    def create(
        self,
        by: Caller,
        project_id: int | None,
        title: str,
        description: str,
        checks: tuple[ShownCheck, ...],
        slug: str | None = None,
        *,
        agreed: Agreed = afresh,
    ) -> StatusPage:
        """Make a page. Raises `Invalid` for a name that is none, and `Conflict` if it is taken, or
        there are too many. `agreed`: if the command was given before, returns what it made."""
        if slug is not None and not is_slug(slug):
            raise Invalid("slug", "give 3 to 60 letters from a to z, digits, and - between them")
        (name,) = agreed(lambda: [slug or new_slug()])
        now = self._clock.now()
        page = StatusPage(
            slug=name,
            project_id=project_id,
            title=title,
            description=description,
            checks=checks,
            created_at=now,
            updated_at=now,
        )
        if agreed is not afresh and (earlier := self._pages.get(name)) is not None:
            if replace(earlier, created_at=now, updated_at=now, etag="") == page:
                return earlier
            raise _taken()
        if self._pages.count(project_id) >= MOST:
            raise Conflict(f"the project has {MOST} status pages; delete some")
        with self._audit.changing(by, Action.CREATE, _subject(page)) as change:
            if not self._pages.add(page):
                raise _taken()
            change.after = _shown(page)
        return self.get(by, name)

    def change(
        self,
        by: Caller,
        slug: str,
        step: Callable[[StatusPage], StatusPage],
        *,
        still: Callable[[StatusPage], None] = _any,
    ) -> StatusPage:
        """Apply `step`. `still` is called with the very page that is to be changed, and may raise.
        Raises `NotFound`, `Conflict`, and what `step` raises."""
        first = self.get(by, slug)

        def attempt() -> bool | None:
            before = self.get(by, slug)
            still(before)
            after = step(before)
            if after == before:
                return True
            after = replace(after, revision=before.revision + 1, updated_at=self._clock.now())
            return self._pages.write(after) or None

        with self._audit.changing(by, Action.CHANGE, _subject(first), _shown(first)) as change:
            compare_and_set("the status page", attempt)
            made = self.get(by, slug)
            change.after = _shown(made)
        self._forget(slug)
        return made

    def delete(self, by: Caller, slug: str, *, still: Callable[[StatusPage], None] = _any) -> None:
        """Delete a page; other processes show it for `FRESH` seconds more. Raises `NotFound`."""
        first = self.get(by, slug)

        def attempt() -> bool | None:
            page = self.get(by, slug)
            still(page)
            return self._pages.remove(page) or None

        with self._audit.changing(by, Action.DELETE, _subject(first), _shown(first)):
            compare_and_set("the status page", attempt)
        self._forget(slug)

    def published(self, slug: str) -> Published:
        """What a page says, to anybody. Raises `NotFound`."""
        with self._lock:
            known = self._known.get(slug)
        now = self._clock.monotonic()
        if known is not None and 0 <= now - known[0] < FRESH:
            return known[1]
        page = self._pages.get(slug) if is_slug(slug) else None
        if page is None:
            raise NotFound("there is no such status page")
        made = self._read(page)
        with self._lock:
            while len(self._known) >= _REMEMBERED:
                self._known.pop(next(iter(self._known)))
            self._known[slug] = (now, made)
        return made

    def _forget(self, slug: str) -> None:
        with self._lock:
            self._known.pop(slug, None)

    def _read(self, page: StatusPage) -> Published:
        now = self._clock.now()
        ids = [one.schedule_id for one in page.checks]
        stored = self._history.checks(page.project_id, ids)
        newest: datetime | None = max((one.last.at for one in stored.values()), default=None)
        shown = tuple(
            self._public(page.project_id, one, stored.get(one.schedule_id), now)
            for one in page.checks
        )
        return Published(
            slug=page.slug,
            title=page.title,
            description=page.description,
            status=worst([one.status for one in shown]),
            checks=shown,
            updated_at=newest,
        )

    def _public(
        self, project_id: int | None, one: ShownCheck, check: Check | None, now: datetime
    ) -> PublicCheck:
        days, sums = self._history.sums(project_id, one.schedule_id, now)
        recent = check is not None and not is_stale(check.last.at, check.every, now)
        return PublicCheck(
            name=one.name,
            status=check.state.status if check is not None and recent else Standing.UNKNOWN,
            uptime={name: tally.uptime for name, tally in sums.items()},
            median_ms=sums["24h"].took.percentile(50),
            days=summaries.each_day(days, now),
        )


def _taken() -> Conflict:
    return Conflict("slug: a status page has this name already; choose another")


def _subject(page: StatusPage) -> Subject:
    return Subject("status_page", page.slug, page.project_id)


def _shown(page: StatusPage) -> dict[str, object]:
    return {
        "project_id": page.project_id,
        "title": page.title,
        "description": page.description,
        "checks": {one.schedule_id: one.name for one in page.checks},
    }
