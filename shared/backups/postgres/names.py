"""Names of PostgreSQL databases: which are Belfry's own, which are the server's, and which ones a
restore may go to."""

from __future__ import annotations

SCRATCH = "belfry_scratch_"
"""The prefix of scratch databases for proofs; Belfry drops those that killed runs left."""
RESTORING = "belfry_restoring_"
"""The same for databases of unfinished restores."""
SERVERS_OWN = ("postgres", "template0", "template1")
"""PostgreSQL's own databases: new ones are made from the templates, and clients connect to
`postgres` if they know no other."""
HOUSEKEEPING = ("azure_maintenance", "azure_sys", "rdsadmin", "cloudsqladmin")
"""The databases of the providers of managed servers."""
LONGEST = 63
"""Bytes of a PostgreSQL name (NAMEDATALEN - 1)."""


def target_problem(name: str) -> str | None:
    """Why a restore cannot go to a database of that name (`Engine`)."""
    if not name.strip() or "\0" in name or len(name.encode(errors="replace")) > LONGEST:
        return f"a database's name has 1 to {LONGEST} bytes, not only spaces, and no NUL"
    if set(name) & set("/\\") or not name.isprintable():
        return "give the name of a database; it is no path, and has no control characters"
    if name.startswith((SCRATCH, RESTORING)):
        return f"{name} is a name of Belfry's own, which it may drop"
    if name in (*SERVERS_OWN, *HOUSEKEEPING):
        return f"{name} is the server's own database; name another, or none to have a new one made"
    return None
