"""Which names a restore may go to, by the kind of database; what is no name at all is known before
anything is read."""

from __future__ import annotations

import re

SCRATCH = "belfry_scratch_"
"""How the names of databases begin that a proof is made in; Belfry drops those that are left."""
RESTORING = "belfry_restoring_"
"""The same of databases that a restore is not done with."""
SERVERS_OWN = ("postgres", "template0", "template1")
"""PostgreSQL's own databases: new ones are made of the templates, and clients connect to the other
where they know no name."""
HOUSEKEEPING = ("azure_maintenance", "azure_sys", "rdsadmin", "cloudsqladmin")
"""The databases of those who run a managed server."""
LONGEST = 63
"""Bytes of a PostgreSQL name (NAMEDATALEN - 1)."""
SQLITES_OWN = ("-wal", "-shm", "-journal")
"""How the names of what SQLite has beside a database end."""

_LONGEST_FILE = 200
"""Bytes of a file's name; SQLite adds to it, and 255 can be."""
_PREFIX = re.compile("[a-z][a-z0-9]{0,19}")


def target_problem(engine: str, name: str) -> str | None:
    """Why a restore of that engine's backup cannot go to `name`, in words for whoever gave it;
    None if it can. Nobody is asked: whether something is there, the restore sees.

    `engine` is a backup's: `postgresql`, `sqlite` or `belfry`.
    """
    if engine == "postgresql":
        return _database(name)
    return _file(name) if engine == "sqlite" else _prefix(name)


def _database(name: str) -> str | None:
    if not name.strip() or "\0" in name or len(name.encode(errors="replace")) > LONGEST:
        return f"a database's name has 1 to {LONGEST} bytes, not only spaces, and no NUL"
    if set(name) & set("/\\") or not name.isprintable():
        return "give the name of a database; it is no path, and has no control characters"
    if name.startswith((SCRATCH, RESTORING)):
        return f"{name} is a name of Belfry's own, which it may drop"
    if name in (*SERVERS_OWN, *HOUSEKEEPING):
        return f"{name} is the server's own database; name another, or none to have a new one made"
    return None


def _file(name: str) -> str | None:
    plain = (
        name.strip() not in ("", ".", "..") and not set(name) & set("/\\\0") and name.isprintable()
    )
    if not plain or name.endswith(SQLITES_OWN):
        return "give the plain name of a file, which is then beside the source's"
    if len(name.encode(errors="replace")) > _LONGEST_FILE:
        return f"give a name of at most {_LONGEST_FILE} bytes"
    return None


def _prefix(name: str) -> str | None:
    if _PREFIX.fullmatch(name):
        return None
    return (
        "give a prefix, as BELFRY_PREFIX is: at most 20 lower-case letters and digits, "
        "a letter first"
    )
