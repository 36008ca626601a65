"""Calendar feeds: a project's coming runs, for whoever has the feed's token.

The token stands in a URL, since calendar programs send nothing else. So it opens nothing but the
feed; its hash alone is stored, it is shown once, and a feed that is deleted opens no more.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass

from shared.access import Caller
from shared.audit.port import Action, Audit, Subject
from shared.calendars.rows import Feed
from shared.calendars.store import Store
from shared.clock import Clock
from shared.errors import Conflict, NotFound

MOST = 500
"""The most feeds."""
_TOKEN = re.compile(r"belfry-feed-[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Made:
    """A feed that was made."""

    feed: Feed
    token: str
    """What its owner is shown, once: it is stored nowhere."""


class Feeds:
    """The commands. Every method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(self, store: Store, audit: Audit, clock: Clock) -> None:
        self._store = store
        self._audit = audit
        self._clock = clock

    def create(self, by: Caller, name: str, project_id: int | None) -> Made:
        """Make a feed. Raises `Conflict` if there are too many."""
        if len(self._store.feeds()) >= MOST:
            raise Conflict(f"there are {MOST} feeds; delete some")
        token = f"belfry-feed-{secrets.token_urlsafe(32)}"
        feed = Feed(
            id=f"f{secrets.token_hex(6)}",
            name=name,
            project_id=project_id,
            hash=hashed(token),
            created_at=self._clock.now(),
            created_by=by.name,
        )
        with self._audit.changing(by, Action.CREATE, _subject(feed)) as change:
            if not self._store.add_feed(feed):
                raise Conflict("it could not be made; try again")
            change.after = _shown(feed)
        return Made(feed, token)

    def all(self, by: Caller) -> list[Feed]:
        """The feeds of the caller's projects, newest first."""
        found = [one for one in self._store.feeds() if by.sees(one.project_id)]
        return sorted(found, key=lambda one: (one.created_at, one.id), reverse=True)

    def revoke(self, by: Caller, feed_id: str) -> None:
        """Delete a feed: its token opens nothing from now on. Raises `NotFound`."""
        found = self._store.feed(feed_id)
        if found is None or not by.sees(found.project_id):
            raise NotFound(f"there is no feed {feed_id!r:.40}")
        with self._audit.changing(by, Action.REVOKE, _subject(found), _shown(found)):
            self._store.remove_feed(found)

    def opened(self, token: str) -> Feed:
        """The feed that a token opens. Raises `NotFound`, which does not repeat the token."""
        found = self._store.opened(hashed(token)) if _TOKEN.fullmatch(token) else None
        if found is None:
            raise NotFound("no feed has this token; ask for a new one")
        return found


def hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _subject(feed: Feed) -> Subject:
    return Subject("feed", feed.id, feed.project_id)


def _shown(feed: Feed) -> dict[str, object]:
    return {"name": feed.name, "project_id": feed.project_id, "created_by": feed.created_by}
