"""The sources that the settings name, and which of them a plan means.

`database` is the SQLite file of DATABASE_PATH, `postgres` the database of POSTGRES_URL, `state`
Belfry's own tables; BACKUP_SOURCES names more, and each one's URL says of which kind it is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import Any

from shared.backups.engine import Asked, Engine
from shared.backups.engines import engine_of, engines, schemes
from shared.backups.model import Summary
from shared.backups.params import ALL, PARTS, BackupPlan
from shared.backups.source import Source
from shared.backups.state import engine as state
from shared.errors import BelfryError, Invalid, Misconfigured, Refused, Unavailable
from shared.settings import Secret, Settings
from shared.storage.connect import Connection

DATABASE, POSTGRES, STATE = "database", "postgres", "state"
_SETTINGS = {DATABASE: "DATABASE_PATH", POSTGRES: "POSTGRES_URL"}
_UNSET = {
    DATABASE: "DATABASE_PATH is not set; give it the path of a SQLite database",
    POSTGRES: "POSTGRES_URL is not set; use postgresql://user:password@host:port/database",
}


class Sources:
    """The sources in the settings. Raises `Misconfigured` for one that they do not have."""

    def __init__(self, settings: Settings, connection: Connection) -> None:
        self._settings = settings
        self._connection = connection

    @property
    def names(self) -> list[str]:
        """The sources that are configured."""
        one = self._settings
        found = [DATABASE] if one.database_path else []
        found += [POSTGRES] if one.postgres_url else []
        return [*found, *one.backup_sources, STATE]

    def has_parts(self, name: str) -> bool:
        """Whether it is a server, so that a plan can name parts of it."""
        return name == POSTGRES or (name in self.names and self._engine(name).databases is not None)

    def of(self, plan: BackupPlan) -> Iterator[tuple[str, Callable[[], Source]]]:
        """(name, function that makes the source) for everything that the plan means."""
        for name in self.names if plan.source == ALL else [plan.source]:
            try:
                found = list(self._databases(name, plan))
            except (Unavailable, Refused) as error:  # the server cannot list its databases
                found = [(name, partial(_fail, error))]
            yield from found

    def again(self, one: Summary, without: Collection[str] = ()) -> Source:
        """The source of a backup, to prove or restore it. `without`: rules that its data breaks."""
        asked = self._asked(one.source, database=one.database, without=tuple(without))
        return engine_of(one.engine).source(asked, self._settings, self._connection)

    def _databases(self, name: str, plan: BackupPlan) -> Iterator[tuple[str, Callable[[], Source]]]:
        if not self.has_parts(name):
            if plan.source != ALL and any(getattr(plan, part) for part in PARTS):
                text = f"{name} is no PostgreSQL server; leave its parts out"
                raise Invalid("task_parameters", text)
            yield name, partial(self._made, name)
            return
        part = {
            "schemas": plan.schemas,
            "exclude_schemas": plan.exclude_schemas,
            "without": plan.without,
        }
        if plan.databases is None:
            yield name, partial(self._made, name, **part)
            return
        for database in self._listed(name) if plan.databases == ALL else plan.databases:
            yield f"{name}/{database}", partial(self._made, name, database=database, **part)

    def _listed(self, name: str) -> list[str]:
        listing = self._engine(name).databases
        found = [] if listing is None else listing(self._asked(name))
        if not found:
            raise Refused(
                name,
                "there is no database that its user may connect to, so none of it "
                "is backed up; grant CONNECT, or name `databases`",
            )
        return found

    def _made(self, name: str, **part: Any) -> Source:
        return self._engine(name).source(
            self._asked(name, **part), self._settings, self._connection
        )

    def _asked(self, name: str, **part: Any) -> Asked:
        return Asked(name=name, url=self._url(name), setting=_setting(name), **part)

    def _engine(self, name: str) -> Engine:
        if name == STATE:
            return state
        url = self._url(name).reveal()
        for one in engines().values():
            if url.startswith(one.schemes):
                return one
        raise Misconfigured(f"{_setting(name)} begins with none of {', '.join(schemes())}")

    def _url(self, name: str) -> Secret:
        """The URL of a source; empty for the state, which has none."""
        one = self._settings
        file = Secret(f"sqlite:///{one.database_path}") if one.database_path else Secret("")
        own = {DATABASE: file, POSTGRES: one.postgres_url, STATE: Secret("")}
        if name in _UNSET and not own[name]:
            raise Misconfigured(_UNSET[name])
        found = {**one.backup_sources, **own}.get(name)
        if found is None:
            known = ", ".join([DATABASE, POSTGRES, *one.backup_sources, STATE, ALL])
            raise Misconfigured(f"there is no backup source {name!r}; there are {known}")
        return found


def _setting(name: str) -> str:
    """The setting that holds a source's URL."""
    return _SETTINGS.get(name, f"BACKUP_{name.upper()}_URL")


def _fail(error: BelfryError) -> Source:
    raise error
