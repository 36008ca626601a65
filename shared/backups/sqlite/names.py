"""Names of SQLite files, and which ones a restore may go to."""

from __future__ import annotations

SQLITES_OWN = ("-wal", "-shm", "-journal")
"""The endings of the names of files that SQLite keeps beside a database."""

_LONGEST_FILE = 200
"""Bytes of a file's name. The limit is 255, and SQLite appends to the name."""


def target_problem(name: str) -> str | None:
    """Why a restore cannot go to a file of that name (`Engine`)."""
    plain = (
        name.strip() not in ("", ".", "..") and not set(name) & set("/\\\0") and name.isprintable()
    )
    if not plain or name.endswith(SQLITES_OWN):
        return "give the plain name of a file, which is then beside the source's"
    if len(name.encode(errors="replace")) > _LONGEST_FILE:
        return f"give a name of at most {_LONGEST_FILE} bytes"
    return None
