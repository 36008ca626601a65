"""Rules that a database's own data breaks, so that no restore can succeed as a whole, though the
dump is correct. These are: rows that violate a foreign key or a CHECK and got in all the same; a
CHECK that reads another table, which is not filled yet when rows are checked; and definitions that
fail when they are computed anew (an index, a materialized view, a generated column).

A rule has the name that the manifest uses, such as `constraint public.orders.orders_pet_fkey`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.backups.postgres.faults import computed, in_function
from shared.backups.postgres.output import Noted
from shared.backups.postgres.server import in_bytes, quoted, shown
from shared.errors import Unprovable
from shared.log import short
from shared.tasks.context import JobContext

if TYPE_CHECKING:
    import psycopg

AFTER_ROWS = re.compile(
    "violates foreign key constraint|could not create unique index"
    "|could not create exclusion constraint|is violated by some row|contains null values"
    "|there is no unique constraint matching given keys"
)
"""pg_restore's errors about a rule that is added once the rows are there. It goes on without it."""
_WITH_ROWS = re.compile(r'COPY failed for table "(?P<table>.*?)": ERROR: ', re.DOTALL)
_CHECK = re.compile(r'violates check constraint "(?P<name>.*)"$', re.DOTALL)
_KEPT_OUT = re.compile(
    r'null value in column ".*" of relation .*not-null constraint|does not allow null values$'
    r'|violates partition constraint$|no partition of relation ".*" found for row$',
    re.DOTALL,
)
"""Errors about a row that breaks another kind of rule, which cannot be taken out."""
_IDENTIFIER = r'(?:"(?:[^"]|"")+"|[\w$]+)'
_ALTERED = re.compile(rf"ALTER TABLE (?:ONLY )?({_IDENTIFIER})\.({_IDENTIFIER})")
_ADDED = re.compile(rf"ADD CONSTRAINT ({_IDENTIFIER})")
_INDEXED = re.compile(rf"CREATE (?:UNIQUE )?INDEX ({_IDENTIFIER}) ON (?:ONLY )?({_IDENTIFIER})\.")
_VIEW = re.compile(rf"REFRESH MATERIALIZED VIEW ({_IDENTIFIER})\.({_IDENTIFIER})")
_NAMED = re.compile(r'(?:constraint|index) "(?P<name>.*?)"(?: of relation .*)?$', re.DOTALL)
_ROW = 200
"""UTF-16 units of a row that are shown."""
_DATA = "mend the data"
_DEFINITION = "mend the definition, or the data"
_FUNCTION = (
    "in the function name the schema of all that it uses, or give it a SET search_path, and read "
    "no table, whose rows may come later"
)

_KEY = """
    CASE WHEN k.conrelid <> 0 THEN 'constraint ' || n.nspname || '.' || c.relname || '.'
         || k.conname ELSE 'domain ' || m.nspname || '.' || t.typname END
"""
_CHECKS = f"""
    SELECT {_KEY} AS key, k.oid, k.conname, k.conrelid, c.relname, k.conrelid::regclass::text,
        k.contypid::regtype::text, pg_get_constraintdef(k.oid)
    FROM pg_constraint k
    LEFT JOIN pg_class c ON c.oid = k.conrelid LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_type t ON t.oid = k.contypid LEFT JOIN pg_namespace m ON m.oid = t.typnamespace
    WHERE k.contype = 'c' AND (n.nspname IS NULL OR n.nspname NOT IN
        ('pg_catalog', 'information_schema'))
      AND (m.nspname IS NULL OR m.nspname NOT IN ('pg_catalog', 'information_schema'))
    ORDER BY 1, k.oid
"""  # noqa: S608
_CALLING = """
    SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_constraint'::regclass AND d.objid = %s
      AND d.refclassid = 'pg_proc'::regclass LIMIT 1
"""
_OF_COLUMN = """
    SELECT 1 FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relname = %s AND a.atttypid = (SELECT contypid FROM pg_constraint WHERE oid = %s)
    LIMIT 1
"""
_TOP = """
    WITH RECURSIVE up (oid) AS (
        SELECT %(table)s::oid
        UNION SELECT i.inhparent FROM up JOIN pg_inherits i ON i.inhrelid = up.oid
        JOIN pg_constraint k ON k.conrelid = i.inhparent AND k.conname = %(name)s
            AND k.contype = 'c'
    )
    SELECT oid::regclass::text FROM up WHERE NOT EXISTS (
        SELECT FROM pg_inherits i JOIN up above ON above.oid = i.inhparent WHERE i.inhrelid = up.oid
    ) LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule, and what PostgreSQL says of the row that breaks it."""

    keys: tuple[str, ...]
    """Its name; several if it may be any one of them, none if it is not known."""
    said: str
    mend: str = _DATA
    """What a person can do about it."""


def after_rows(noted: Iterable[Noted]) -> list[Broken]:
    """The rules that could not be added, by the errors noted."""
    return [Broken(tuple(_added(one)), _said(one), _mend(one)) for one in noted]


def of_failure(error: Noted, there: psycopg.Connection[Any]) -> Broken | None:
    """The rule that kept a table's rows out, or the function that failed; None if the error has
    another cause. `there`: a connection to the database being restored into."""
    copy = _WITH_ROWS.search(error.error)
    function = in_function(error)
    if copy is None:
        return Broken((), _said(error), _mend(error)) if function else None
    keys: list[str] = []
    if found := _CHECK.search(error.error):
        table, name = copy["table"], found["name"]
        rows = _checks(there)
        keys = [one.key for one in rows if one.name == name and one.table in (table, None)]
    elif function:
        keys = [one.key for one in _checks(there) if _calls(one, copy["table"], there)]
    elif not _KEPT_OUT.search(error.error):
        return None
    return Broken(tuple(dict.fromkeys(keys)), _said(error), _mend(error))


def _mend(error: Noted) -> str:
    if in_function(error):
        return _FUNCTION
    defined = computed(error) and not AFTER_ROWS.search(error.error)
    return _DEFINITION if defined or _KEPT_OUT.search(error.error) else _DATA


def _calls(one: _Check, table: str, there: psycopg.Connection[Any]) -> bool:
    """Whether it is a CHECK of the table, or of a domain of its columns, that calls a function."""
    if one.table is None:
        if there.execute(_OF_COLUMN, (table, one.oid)).fetchone() is None:
            return False
    elif one.table != table:
        return False
    return there.execute(_CALLING, (one.oid,)).fetchone() is not None


def unprovable(broken: Iterable[Broken], without: Collection[str]) -> Unprovable:
    """The error for broken rules. It tells which ones a person may have left out, in addition to
    those of `without`."""
    broken = list(broken)
    keys = dict.fromkeys([*without, *(key for one in broken for key in one.keys)])
    named = [f"{' or '.join(one.keys)}: {one.said}" if one.keys else one.said for one in broken]
    mend = "; ".join(dict.fromkeys(one.mend for one in broken))
    listed = ", ".join(json.dumps(key, ensure_ascii=False) for key in keys)
    todo = f'or prove it without: "without": [{listed}]'
    if not all(one.keys for one in broken):
        todo = "no proof can leave that out: it can only be mended in the database"
    return Unprovable(f"its data breaks its own rules: {'; '.join(named)}; {mend}; {todo}")


class Lifted:
    """CHECKs that are dropped while rows are loaded, and added back afterwards if the rows satisfy
    them: once all rows are there, a CHECK that reads another table may hold."""

    def __init__(self, there: psycopg.Connection[Any], job: JobContext) -> None:
        self._there = there
        self._job = job
        self._defined: list[tuple[str, str]] = []
        """What to add back: (`ALTER TABLE x`, the constraint)."""
        self._before: set[str] = set()

    def lift(self, keys: Collection[str]) -> None:
        """Drop the CHECKs of these names; for an inherited one, the one it is inherited from."""
        self._before = {one.key for one in _checks(self._there)}
        for key in keys:
            for one in _checks(self._there):  # again: dropping one may have dropped others
                if one.key == key:
                    self._take_out(one)

    def _take_out(self, one: _Check) -> None:
        if not one.relation:
            what = f"ALTER DOMAIN {one.domain}"
        else:
            given = {"table": one.conrelid, "name": one.name}
            row = self._there.execute(_TOP, given).fetchone()
            what = f"ALTER TABLE {row[0] if row else one.relation}"
        with suppress_gone():
            self._there.execute(in_bytes(f"{what} DROP CONSTRAINT {quoted(one.name)}"))
            self._defined.append((what, f"{quoted(one.name)} {one.definition}"))

    def put_back(self) -> set[str]:
        """Add back what the rows satisfy; return the names of what they do not."""
        import psycopg

        self._there.execute("RESET search_path")  # a function may use names without a schema
        for what, constraint in self._defined:
            self._job.check()
            try:
                self._there.execute(in_bytes(f"{what} ADD CONSTRAINT {constraint}"))
            except psycopg.Error as error:
                said = short(str(error).splitlines()[0], _ROW)
                self._job.log("the rows break a rule, which is left out", rule=what, error=said)
        return self._before - {one.key for one in _checks(self._there)}


def suppress_gone() -> Any:
    """Ignore that a constraint no longer exists: it was dropped together with another."""
    from psycopg import errors

    return suppress(errors.UndefinedObject)


@dataclass(frozen=True, slots=True)
class _Check:
    key: str
    oid: int
    name: str
    conrelid: int
    table: str | None
    relation: str
    domain: str
    definition: str


def _checks(there: psycopg.Connection[Any]) -> list[_Check]:
    there.execute("SELECT set_config('search_path', '', false)")
    found = []
    for key, oid, name, conrelid, table, relation, domain, definition in there.execute(_CHECKS):
        relation = relation if conrelid else ""
        found.append(_Check(shown(key), oid, name, conrelid, table, relation, domain, definition))
    return found


def _added(one: Noted) -> Iterator[str]:
    """The name of what the failed command would have added, or filled."""
    named = _NAMED.search(one.error)
    if table := _ALTERED.match(one.command):
        added = _ADDED.search(one.command)
        name = _plain(added[1]) if added else named["name"] if named else ""
        if name:
            yield f"constraint {_plain(table[1])}.{_plain(table[2])}.{name}"
    elif index := _INDEXED.match(one.command):
        yield f"index {_plain(index[2])}.{_plain(index[1])}"
    elif view := _VIEW.match(one.command):
        yield f"materialized view {_plain(view[1])}.{_plain(view[2])}"


def _plain(identifier: str) -> str:
    if not identifier.startswith('"'):
        return identifier
    return identifier[1:-1].replace('""', '"')


def _said(one: Noted) -> str:
    """The error message, with the row and the function as far as PostgreSQL names them."""
    message = one.error.rpartition("ERROR:")[2].strip()
    row = one.after("DETAIL:")
    copied = next((line for line in one.lines if re.search(r"COPY .*, line \d+", line)), "")
    parts = (row, in_function(one), copied.removeprefix("CONTEXT:").strip())
    told = [short(part, _ROW) for part in parts if part]
    return f"{message} ({'; '.join(told)})" if told else message
