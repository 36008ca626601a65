"""A PostgreSQL server: how to connect to it, and what its errors mean to a person.

Nothing that leaves this module contains a password, except the parameters themselves.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, LiteralString

from shared.errors import BelfryError, Misconfigured, Refused, Unavailable
from shared.identity.postgres import advice, database_password, refused_by_database, without_tokens
from shared.redaction import redact
from shared.settings import Secret, client_id_of
from shared.tasks.context import JobContext

if TYPE_CHECKING:
    import psycopg

_LOOK = timedelta(seconds=0.2)
"""The time between two checks whether the job was told to stop."""
_CANCELLING = 2.0
"""Seconds that the server may take to be told to cancel a statement."""
_KEPT_ALIVE = {"keepalives_idle": "60"}
"""Networks drop connections that are idle, for instance while an index is built."""
_TCP = ("keepalives", *_KEPT_ALIVE, "keepalives_interval", "keepalives_count", "tcp_user_timeout")
_LEAVING, _LOOKS = timedelta(seconds=0.005), 20
_CONNECTED = "SELECT FROM pg_stat_activity WHERE datname = %s LIMIT 1"
_LIMITS = (
    *("statement_timeout", "lock_timeout", "transaction_timeout"),
    *("idle_in_transaction_session_timeout", "idle_session_timeout"),
)
"""Limits that we lift: counting a table, building an index or waiting for a download takes as long
as it takes."""
_PATIENT = "SELECT set_config(name, '0', false) FROM pg_settings WHERE name = ANY(%s)"
"""For each limit that the server knows: `transaction_timeout` came with version 17."""
_WRITING = """
    SELECT set_config(name, 'off', false) FROM pg_settings
    WHERE name = 'default_transaction_read_only' AND source = 'database'
"""
"""A database's own read-only default is meant for its applications. That of a role is respected."""
_OPTIONS = {0: "-c lc_messages=C", 170_000: "-c event_triggers=off"}
"""Options that a superuser may set, by the server's version: messages in English, since errors are
recognised by their text; and no event triggers, so that no code of the database's own runs when we
connect or restore definitions."""
_REFUSALS = (
    "password authentication failed",
    "no password supplied",
    "authentication failed",
    "no pg_hba.conf entry",
    "does not exist",
    "permission denied",
    "is not permitted to log in",
    "not currently accepting connections",
    *("oid mismatch", "AAD_AUTH_TOKENTYPE"),  # of Azure: the role is another principal's
)


class Server:
    """The server of a URL. Messages call it `service`, and its URL `setting`."""

    def __init__(self, url: Secret, *, service: str, setting: str) -> None:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict

        self.service = service
        self.setting = setting
        self._client_id = client_id_of(url)
        try:
            given = conninfo_to_dict(url.reveal())
        except ProgrammingError:
            raise Misconfigured(f"{setting} is not a PostgreSQL URL") from None
        self._parameters = {word: str(value) for word, value in given.items() if value is not None}
        self._options: str | None = None
        """The options that we set when we connect, if allowed; None before the first connection."""

    def parameters(self) -> dict[str, str]:
        """The parameters of one new connection for libpq, including the password, for which an
        identity gets a token. Raises `Unavailable` if it gets none."""
        given = _with_options(self._parameters, self._options or "")
        if self._client_id:
            given["password"] = database_password(self._client_id)
        return given

    @property
    def database(self) -> str:
        return self._parameters.get("dbname") or self._parameters.get("user") or "postgres"

    @property
    def address(self) -> str:
        host = self._parameters.get("host") or self._parameters.get("hostaddr") or "localhost"
        return f"{host}:{self._parameters.get('port') or '5432'}"

    def target(self, database: str) -> str:
        """The connection string for an argument list: the database, but neither host nor user nor
        password."""
        from psycopg.conninfo import make_conninfo

        said = {word: self._parameters[word] for word in _TCP if word in self._parameters}
        return make_conninfo(**{**_KEPT_ALIVE, **said, "dbname": database})

    def redacted(self, text: str) -> str:
        """`text` without the password, and without any token."""
        password = self._parameters.get("password")
        text = without_tokens(text)
        return redact(text.replace(password, "***") if password else text)

    @contextmanager
    def connected(
        self, database: str, *, autocommit: bool = False, named_by: str = "", **extra: Any
    ) -> Iterator[psycopg.Connection[Any]]:
        """A connection; every error of psycopg in the block becomes one of Belfry's. Time limits
        that a role, a database or the server sets for sessions and statements are lifted, and so is
        a database's read-only default.

        `named_by`: what a person must change if there is no such database; default: the setting.
        """
        import psycopg

        given: dict[str, Any] = {"connect_timeout": 10, "application_name": "belfry"}
        given |= {**_KEPT_ALIVE, **self.parameters(), **extra, "dbname": database}
        given["client_encoding"] = "UTF8"  # else psycopg uses the database's encoding
        if any("\0" in str(value) for value in given.values()):  # libpq would connect elsewhere
            raise Refused(self.service, f"{database!r:.80}, or {self.setting}, has a null in it")
        with self.named():
            try:
                connection = self._opened(given, autocommit=autocommit)
            except psycopg.OperationalError as error:
                raise self._unconnected(database, named_by, error) from None
            try:
                connection.execute(_PATIENT, (list(_LIMITS),))
                connection.execute(_WRITING)
                if not autocommit:
                    connection.commit()
                _take_bytes(connection)
                yield connection
            finally:
                connection.close()

    def _opened(self, given: dict[str, Any], *, autocommit: bool) -> psycopg.Connection[Any]:
        """A connection with our options, if we may set them; the first connection shows that."""
        import psycopg

        first = psycopg.connect(**given, autocommit=autocommit)
        if self._options is not None:
            return first
        superuser = first.info.parameter_status("is_superuser") == "on"
        known = [word for since, word in _OPTIONS.items() if first.info.server_version >= since]
        self._options = " ".join(known) if superuser else ""
        if not self._options:
            return first
        try:
            again = psycopg.connect(**_with_options(given, self._options), autocommit=autocommit)
        except psycopg.OperationalError:  # a pooler in between may take no options
            self._options = ""
            return first
        first.close()
        return again

    @contextmanager
    def named(self) -> Iterator[None]:
        """Turn psycopg's errors into Belfry's."""
        import psycopg
        from psycopg import errors

        try:
            yield
        except errors.InsufficientPrivilege as error:
            raise Refused(self.service, self._first_line(error)) from None
        except errors.ReadOnlySqlTransaction as error:
            user = self._parameters.get("user", "")
            text = f"user {user!r} may only read: {self._first_line(error)}; see {self.setting}"
            raise Refused(self.service, text) from None
        except errors.LockNotAvailable as error:
            raise Unavailable(
                self.service, f"a table is locked: {self._first_line(error)}"
            ) from None
        except psycopg.Error as error:
            raise Unavailable(self.service, self._first_line(error)) from None

    def _unconnected(
        self, database: str, named_by: str, error: psycopg.OperationalError
    ) -> BelfryError:
        lines = [line.strip() for line in self.redacted(str(error)).splitlines()]
        fatal = next((line for line in lines if "FATAL:" in line), "")
        said = fatal.partition("FATAL:")[2].strip()
        user = self._parameters.get("user", "")
        if "database" in said and "does not exist" in said:
            see = named_by or self.setting
            text = f"there is no database {database!r} at {self.address}; see {see}"
            return Refused(self.service, text)
        if any(words in said for words in _REFUSALS):
            text = f"{self.address} refused user {user!r}: {said}; see {self.setting}"
            return Refused(self.service, text + self._advice(said))
        reason = said or (lines[0] if lines else "no reason given")
        text = f"could not be reached at {self.address}: {reason}"
        return Unavailable(self.service, text)

    def _advice(self, said: str) -> str:
        if not self._client_id:
            return ""
        refused_by_database(self._client_id)
        return advice(said, self._parameters.get("user", ""))

    def _first_line(self, error: psycopg.Error) -> str:
        text = self.redacted(str(error)).strip()
        return text.splitlines()[0] if text else type(error).__name__


def _with_options(given: dict[str, Any], more: str) -> dict[str, Any]:
    options = f"{given.get('options', '')} {more}".strip()
    return {**given, "options": options} if options else dict(given)


def _take_bytes(connection: psycopg.Connection[Any]) -> None:
    """For a database in SQL_ASCII, whose texts are bytes of any encoding: read them as UTF-8, with
    a lone surrogate for each byte that is not valid; `in_bytes` turns that into the byte again."""
    from psycopg.adapt import Buffer, Loader

    if connection.info.parameter_status("server_encoding") != "SQL_ASCII":
        return

    class Text(Loader):
        def load(self, data: Buffer) -> str:
            return bytes(data).decode(errors="surrogateescape")

    class Json(Text):
        def load(self, data: Buffer) -> Any:
            return json.loads(super().load(data))

    connection.execute("SET client_encoding TO 'SQL_ASCII'")
    if not connection.autocommit:
        connection.commit()
    for kind in ("text", "name", "varchar", "bpchar"):
        connection.adapters.register_loader(kind, Text)
    for kind in ("json", "jsonb"):
        connection.adapters.register_loader(kind, Json)


def in_bytes(text: str) -> bytes:
    """The text as bytes for a server, the reverse of how our connections read texts."""
    return text.encode(errors="surrogateescape")


def shown(text: str) -> str:
    """The text for a person, with invalid bytes written as `\\xe9`."""
    return in_bytes(text).decode(errors="backslashreplace")


def quoted(name: str) -> LiteralString:
    """An identifier for use in SQL."""
    text: Any = '"' + name.replace('"', '""') + '"'
    return text  # type: ignore[no-any-return]


def vacated(admin: psycopg.Connection[Any], database: str, job: JobContext) -> None:
    """Return when nobody is connected to the database, or after 0.1 s. A session that we closed is
    over in a moment, but a server that finds it when it drops or renames looks again after 0.1 s.
    """
    for _ in range(_LOOKS):
        if admin.execute(_CONNECTED, (database,)).fetchone() is None:
            return
        job.clock.wait(job.stop, _LEAVING)


@contextmanager
def cancellable(connection: psycopg.Connection[Any], job: JobContext) -> Iterator[None]:
    """In this block, cancel the connection's running statement when the job is told to stop."""
    from psycopg import errors

    over = threading.Event()

    def watch() -> None:
        while not job.clock.wait(over, _LOOK):
            if job.stop.is_set():
                connection.cancel_safe(timeout=_CANCELLING)
                return

    threading.Thread(target=watch, name=f"{job.job_id} heeds", daemon=True).start()
    try:
        yield
    except errors.QueryCanceled:
        job.check()
        raise
    finally:
        over.set()
