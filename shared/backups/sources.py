"""The sources that the settings name, and which of them a plan means.

`database` is the SQLite file of DATABASE_PATH, `postgres` the database of POSTGRES_URL, `state`
Belfry's own tables; BACKUP_SOURCES names more. Each module is loaded where it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path

from shared.backups.model import Summary
from shared.backups.params import ALL, BackupPlan
from shared.backups.source import Source
from shared.errors import BelfryError, Invalid, Misconfigured, Refused, Unavailable
from shared.settings import Secret, Settings
from shared.storage.connect import Connection

DATABASE, POSTGRES, STATE = "database", "postgres", "state"
_SQLITE = "sqlite:///"


class Sources:
    """The sources of the settings. Raises `Misconfigured` for what they lack."""

    def __init__(self, settings: Settings, connection: Connection) -> None:
        self._settings = settings
        self._connection = connection

    @property
    def names(self) -> list[str]:
        """Those that are configured."""
        one = self._settings
        found = [DATABASE] if one.database_path else []
        found += [POSTGRES] if one.postgres_url else []
        return [*found, *one.backup_sources, STATE]

    def is_server(self, name: str) -> bool:
        """Whether it is one of PostgreSQL, of which a part can be backed up."""
        url = self._settings.backup_sources.get(name)
        return name == POSTGRES or (url is not None and not url.reveal().startswith(_SQLITE))

    def of(self, plan: BackupPlan) -> Iterator[tuple[str, Callable[[], Source]]]:
        """(what it is, how to make it) of everything that the plan means."""
        for name in self.names if plan.source == ALL else [plan.source]:
            try:
                found = list(self._databases(name, plan))
            except (Unavailable, Refused) as error:  # a server that cannot say what it has
                found = [(name, partial(_fail, error))]
            yield from found

    def again(self, one: Summary, without: Collection[str] = ()) -> Source:
        """The source of a backup, to prove or restore it, `without` rules that its data breaks."""
        if one.engine == "sqlite":
            return self._sqlite(one.source)
        if one.engine == "belfry":
            return self._state()
        return self._postgres(one.source, database=one.database, without=without)

    def _databases(self, name: str, plan: BackupPlan) -> Iterator[tuple[str, Callable[[], Source]]]:
        if name == STATE:
            yield name, self._state
        elif name == DATABASE or self._url(name).startswith(_SQLITE):
            yield name, lambda: self._sqlite(name)
        elif plan.databases is None:
            yield name, lambda: self._postgres(name, plan)
        else:
            for database in self._listed(name) if plan.databases == ALL else plan.databases:
                yield f"{name}/{database}", self._one(name, plan, database)
        narrowed = plan.databases or plan.schemas or plan.exclude_schemas or plan.without
        if narrowed and plan.source != ALL and not self.is_server(name):
            raise Invalid("task_parameters", f"{name} is no PostgreSQL server; leave its parts out")

    def _one(self, name: str, plan: BackupPlan, database: str) -> Callable[[], Source]:
        return lambda: self._postgres(name, plan, database)

    def _listed(self, name: str) -> list[str]:
        from shared.backups.postgres.source import databases

        found = databases(self._server(name), self._setting(name))
        if not found:
            raise Refused(
                name,
                "there is no database that its user may connect to, so none of it "
                "is backed up; grant CONNECT, or name `databases`",
            )
        return found

    def _state(self) -> Source:
        from shared.backups.state.source import StateSource

        one = self._settings
        return StateSource(self._connection, one.prefix, one.schedule_shards)

    def _sqlite(self, name: str) -> Source:
        from shared.backups.sqlite.source import SqliteSource

        path = self._settings.database_path
        if name != DATABASE:
            path = Path(self._url(name).removeprefix(_SQLITE))
        if path is None:
            raise Misconfigured("DATABASE_PATH is not set; give it the path of a SQLite database")
        return SqliteSource(path, name=name, setting=self._setting(name))

    def _postgres(
        self,
        name: str,
        plan: BackupPlan | None = None,
        database: str | None = None,
        without: Collection[str] = (),
    ) -> Source:
        from shared.backups.postgres.source import PostgresSource

        return PostgresSource(
            self._server(name),
            name=name,
            setting=self._setting(name),
            database=database,
            schemas=plan.schemas if plan else (),
            exclude_schemas=plan.exclude_schemas if plan else (),
            scratch_url=self._settings.postgres_scratch_url or None,
            folder=self._settings.postgres_bin,
            without=plan.without if plan else without,
        )

    def _server(self, name: str) -> Secret:
        url = self._settings.postgres_url
        if name != POSTGRES:
            return Secret(self._url(name))
        if not url:
            raise Misconfigured(
                "POSTGRES_URL is not set; use postgresql://user:password@host:port/database"
            )
        return url

    def _url(self, name: str) -> str:
        if name in (DATABASE, POSTGRES):
            return ""
        found = self._settings.backup_sources.get(name)
        if found is None:
            known = ", ".join([DATABASE, POSTGRES, *self._settings.backup_sources, STATE, ALL])
            raise Misconfigured(f"there is no backup source {name!r}; there are {known}")
        return found.reveal()

    @staticmethod
    def _setting(name: str) -> str:
        """The setting that says where it is."""
        own = {DATABASE: "DATABASE_PATH", POSTGRES: "POSTGRES_URL"}
        return own.get(name, f"BACKUP_{name.upper()}_URL")


def _fail(error: BelfryError) -> Source:
    raise error
