"""SQLite's own check of a file, and which of its findings are damage.

Rows that break a constraint are no damage: somebody wrote them on purpose, or added the constraint
later. They are backed up as they are. Nor is it damage that the database uses functions or
collations of the application's own. The check then runs with stand-ins for them, and leaves out the
order of indexes and computed values, which only the application knows.
"""

from __future__ import annotations

import logging
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence

from shared.errors import Damaged

_SHOWN = 3
_ALL = 2**31 - 1
_MOST_UNKNOWN = 1000
_BROKEN_RULE = re.compile(
    "(NULL value in |CHECK constraint failed in |non-[A-Z]+ value in |(TEXT|NUMERIC) value in )"
)
_MAY_BE_OURS = re.compile("(row not in PRIMARY KEY order for |NULL value in )")
"""Findings that may be caused by a stand-in alone."""
_NO_COLLATION = re.compile(r"no such collation sequence: (.+)", re.DOTALL)
_NO_FUNCTION = re.compile(r"(?:unknown function: (.+)\(\)|no such function: (.+))", re.DOTALL)


def look_over(connection: sqlite3.Connection, log: Callable[..., None]) -> None:
    """Check the file. Raises `Damaged` if SQLite finds it damaged, and `sqlite3.Error`. Rows that
    break constraints, and what could not be checked, are logged. Afterwards the connection has
    stand-ins by the names of the application's functions and collations.
    """
    unknown: list[str] = []
    broken: Counter[str] = Counter()
    unchecked: list[str] = []
    try:
        broken += _checked(connection, unknown)
    except sqlite3.OperationalError as error:
        if code(error) != sqlite3.SQLITE_ERROR:
            raise
        log("cannot be checked as a whole", level=logging.WARNING, error=str(error))
        unchecked = [
            shown(table)
            for table in tables(connection)
            if not _look_at(connection, table, unknown, broken)
        ]
    if unknown:
        log(
            "checked without the application's own functions and collations: not whether indexes "
            "and constraints agree with the rows",
            level=logging.WARNING,
            unknown=", ".join(unknown),
        )
    if unchecked:
        text = "could not be checked, only their rows be read"
        log(text, level=logging.WARNING, tables=", ".join(unchecked))
    if broken:
        said = [f"{what} ({rows} rows)" if rows > 1 else what for what, rows in broken.items()]
        more = [f"and {len(said) - _SHOWN} more"] if len(said) > _SHOWN else []
        log(
            "rows break constraints; they are backed up as they are",
            level=logging.WARNING,
            found="; ".join(said[:_SHOWN] + more),
        )


def tables(connection: sqlite3.Connection) -> list[str]:
    """The names of the tables that store rows; a virtual table's rows are in the tables behind it.
    Bytes of a name that are not UTF-8 become lone surrogates."""
    return [
        name.decode(errors="surrogateescape")
        for (name,) in in_bytes(
            connection,
            "SELECT name FROM sqlite_master WHERE type = 'table' "
            "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
            "AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name",
        )
    ]


def in_bytes(connection: sqlite3.Connection, sql: str) -> list[tuple[bytes, ...]]:
    """The rows of a query, with texts as raw bytes, which need not be valid UTF-8."""
    cursor = connection.cursor()
    before, connection.text_factory = connection.text_factory, bytes
    try:
        return cursor.execute(sql).fetchall()
    finally:
        connection.text_factory = before


def count(connection: sqlite3.Connection, table: str, *, how: str = "") -> int | None:
    """The number of rows of a table; None if its name is not UTF-8, so that Python cannot query
    it."""
    if not _is_text(table):
        return None
    sql = f"SELECT count(*) FROM {_quoted(table)} {how}"  # noqa: S608
    return int(connection.execute(sql).fetchone()[0])


def shown(name: str) -> str:
    """A name as text, with bytes that are not UTF-8 written as `\\xe9`."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")


def code(error: sqlite3.Error) -> int:
    """SQLite's primary result code."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _look_at(
    connection: sqlite3.Connection, table: str, unknown: list[str], broken: Counter[str]
) -> bool:
    """Check one table; whether that was possible. If not, its rows are at least read."""
    if not _is_text(table):
        return False
    try:
        broken += _checked(connection, unknown, f"quick_check({_quoted(table)})")
    except sqlite3.OperationalError as error:
        if code(error) != sqlite3.SQLITE_ERROR:
            raise
        count(connection, table, how="NOT INDEXED")
        return False
    return True


def _checked(connection: sqlite3.Connection, unknown: list[str], pragma: str = "") -> Counter[str]:
    """Which constraints are broken, and how often. Raises `Damaged`, `sqlite3.Error`."""
    while True:
        kind = "quick_check" if unknown else "integrity_check"
        try:
            said = _said(connection, pragma or f"{kind}({_SHOWN})")
            if not pragma and _is_harmless(said):  # these may have hidden other findings
                said = _said(connection, f"{kind}({_ALL})")
            break
        except sqlite3.OperationalError as error:
            known = len(unknown)
            if known < _MOST_UNKNOWN:
                unknown += _stand_in(connection, str(error), unknown)
            if len(unknown) == known:
                raise
    if unknown:
        said = Counter({text: n for text, n in said.items() if not _MAY_BE_OURS.match(text)})
    damage = [text for text in said if not _BROKEN_RULE.match(text)]
    if damage:
        what = "; ".join(damage[:_SHOWN]).replace("\n", " ")
        raise Damaged(f"integrity_check says {what}")
    return said


def _is_harmless(said: Counter[str]) -> bool:
    return bool(said) and all(_BROKEN_RULE.match(text) or _MAY_BE_OURS.match(text) for text in said)


def _said(connection: sqlite3.Connection, pragma: str) -> Counter[str]:
    """The findings of a check, and how often each occurs; empty if all is well."""
    before = connection.text_factory
    connection.text_factory = lambda text: text.decode(errors="backslashreplace")
    try:
        said = Counter(row[0] for row in connection.execute(f"PRAGMA {pragma}"))
    finally:
        connection.text_factory = before
    del said["ok"]
    return said


def _stand_in(connection: sqlite3.Connection, said: str, known: Sequence[str]) -> list[str]:
    """Register a stand-in for what SQLite says it does not know; return its name if it is new."""
    if found := _NO_COLLATION.fullmatch(said):
        what = f"collation {found[1]}"
        if what in known:
            return []
        connection.create_collation(found[1], lambda one, other: (one > other) - (one < other))
        return [what]
    if found := _NO_FUNCTION.fullmatch(said):
        name = found[1] or found[2]
        if f"{name}()" in known:
            return []
        # it returns NULL, with which no CHECK fails
        connection.create_function(name, -1, lambda *_: None, deterministic=True)
        return [f"{name}()"]
    return []


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
