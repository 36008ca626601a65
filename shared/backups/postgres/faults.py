"""Finds the cause of a pg_restore error: the server (it may or may not pass), or the database's own
definitions and data, which fail in every restore although the dump is correct.

pg_restore reports no error codes, so errors are recognised by their English texts.
"""

from __future__ import annotations

import re

from shared.backups.postgres.output import Noted

_OUTAGES = (
    "connection to server",
    "could not connect to server",
    "could not translate host name",
    "no connection to the server",
    "data to server",
    "data from server",
    "server closed the connection",
    "SSL connection has been closed",
    "SSL SYSCALL error",
    "SSL error",
    "terminating connection",
    "canceling statement",
    "No space left",
    "could not extend file",
    "out of memory",
    "out of shared memory",
    "the database system is",
)
"""What pg_restore says when the dump is not at fault and the error may pass."""
_LACKS = re.compile(
    r'permission denied|must be (superuser|owner)|[Oo]nly superusers? can|extension "[^"]*" is not'
    r' available|role "[^"]*" does not exist|would be affected by row-level security policy'
)
"""What it says when the dump needs something that the server does not have or allow."""
_FUNCTION = re.compile(r"(?:SQL|PL/\w+) function \S+|inline_code_block")
_COMPUTES = re.compile(
    r"CREATE (?:UNIQUE )?INDEX |REFRESH MATERIALIZED VIEW |ALTER TABLE [^;]* ADD CONSTRAINT ",
    re.DOTALL,
)
"""Commands whose definitions compute something from the rows that are there."""
_NOT_TAKEN = re.compile("syntax error|does not exist|already exists|invalid byte sequence")
"""Errors of such a command itself, unless a function raised them."""
_FOLLOWS = re.compile(r"ALTER INDEX [^;]* ATTACH PARTITION |COMMENT ON (?:INDEX|CONSTRAINT) ")


def may_pass(said: str) -> bool:
    """Whether the server failed in a way that may pass."""
    return any(words in said for words in _OUTAGES)


def lacks(said: str) -> bool:
    """Whether the server does not have or allow something that the dump needs."""
    return _LACKS.search(said) is not None


def in_function(error: Noted) -> str:
    """The innermost function of the database that failed, such as `PL/pgSQL function
    public.f(integer) line 1 at RETURN`; empty if none did."""
    called = (line.removeprefix("CONTEXT:").strip() for line in error.lines)
    return next((line for line in called if _FUNCTION.match(line)), "")


def computed(error: Noted) -> bool:
    """Whether the command itself is right, but computing its definition failed."""
    if not _COMPUTES.match(error.command) or may_pass(error.error) or lacks(error.error):
        return False
    return bool(in_function(error)) or not _NOT_TAKEN.search(error.error)


def follows(error: Noted) -> bool:
    """Whether it failed only because an index or a constraint is missing."""
    return "does not exist" in error.error and _FOLLOWS.match(error.command) is not None
