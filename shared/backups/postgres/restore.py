"""pg_restore into one database: which version to run, which errors to ignore, and what failed.

It runs without --exit-on-error, since a few errors are harmless; any other error ends it.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.backups.postgres import broken_rules, faults
from shared.backups.postgres.create import CREATED
from shared.backups.postgres.output import Forgiven
from shared.backups.postgres.programs import Child, program, running
from shared.backups.postgres.server import Server, cancellable
from shared.errors import BelfryError, Damaged, Misconfigured, Refused, Unavailable
from shared.tasks.context import JobContext

if TYPE_CHECKING:
    import psycopg

_MAGIC = b"PGDMP"
_HEAD = 16 * 1024
"""A dump describes its database within this many bytes."""
_ARCHIVES = {(1, 15): 16, (1, 16): 18}
"""Which pg_restore reads an archive of that format version (pg_backup_archiver.h): 16 wrote 1.15,
17 and 18 write 1.16."""
_OLDEST, _NEWEST = 12, 19
_SHOWN = 20
_HARMLESS = (
    # from pg_restore 17 or later, on a server before 17
    'unrecognized configuration parameter "transaction_timeout"'
    # the schema is in a dump of some schemas only, and in every new database
    '|schema "public" already exists'
)
_NO_ROLE = r'role ".*" does not exist|must be able to SET ROLE|must be member of role'
_NO_RIGHT = r"permission denied|must be (?:the )?(?:owner|superuser)|must have .*privilege"
_BROKEN: dict[str, Any] = {
    "noted": broken_rules.AFTER_ROWS,
    "noted_by": faults.computed,
    "following": faults.follows,
}
_PROOF = Forgiven(re.compile(_HARMLESS), **_BROKEN)
_FOR_GOOD = Forgiven(
    re.compile(_HARMLESS + '|invalid value for parameter "default_tablespace"'),
    (
        (re.compile(_NO_ROLE), re.compile(r"^(ALTER|GRANT|REVOKE|SET SESSION AUTHORIZATION) ")),
        (
            re.compile(_NO_RIGHT),
            re.compile(
                "^ALTER [^;]* OWNER TO |^GRANT |^REVOKE |^ALTER DEFAULT PRIVILEGES |^COMMENT ON EXT"
            ),
        ),
    ),
    **_BROKEN,
)
"""A restore for good also forgives an owner, privilege or tablespace that the server lacks."""
_NOT_PROVED = ("owner", "privileges", "tablespaces", "security-labels", "publications")
"""What a dump contains but a proof leaves out, since a scratch server need not have it."""


class Restore:
    """A restore of a dump in pg_dump's custom format into an empty database of the server that
    `admin` is connected to. `for_good`: with owners and privileges, as far as their roles exist.

    `without`: rules that the data breaks (`broken_rules`) and that may be left out.
    """

    def __init__(
        self,
        admin: psycopg.Connection[Any],
        server: Server,
        database: str,
        folder: Path | None,
        job: JobContext,
        *,
        for_good: bool = False,
        without: Collection[str] = (),
    ) -> None:
        self._least = admin.info.server_version // 10000
        self._server = server
        self._database = database
        self._folder = folder
        self._job = job
        self._for_good = for_good
        self._without = without

    def run(self, chunks: Iterator[bytes]) -> tuple[str, ...]:
        """Restore the dump; return the rules that had to be left out.

        Raises `Unprovable` if the data breaks other rules, `Damaged` if the dump is at fault,
        `Refused` if the server does not allow what it needs, `Unavailable` if it broke off.
        """
        first, chunks = peeked(chunks, len(_MAGIC) + 2)
        pg_restore = program("pg_restore", self._folder, max(_client(first), self._least))
        if not self._without:
            self._feed(pg_restore, chunks)
            return ()
        with self._connected() as there:
            again = _Again(chunks)
            self._feed(pg_restore, iter(again), "pre-data")
            lifted = broken_rules.Lifted(there, self._job)
            lifted.lift(self._without)
            broken = self._feed(pg_restore, again.from_the_start(), "data", "post-data")
            with cancellable(there, self._job):
                left = {key for one in broken for key in one.keys} | lifted.put_back()
        return tuple(sorted(left))

    def _feed(
        self, pg_restore: Path, chunks: Iterator[bytes], *sections: str
    ) -> list[broken_rules.Broken]:
        """Run pg_restore for these sections; return the broken rules, all of which may be left
        out."""
        arguments = ["--no-password", *(f"--section={section}" for section in sections)]
        if not self._for_good:
            arguments += [f"--no-{what}" for what in _NOT_PROVED]
        forgiven = _FOR_GOOD if self._for_good else _PROOF
        with running(
            pg_restore, arguments, self._server, self._database, self._job, forgiven
        ) as child:
            child.write(chunks)
            code = child.wait()
            broken = broken_rules.after_rows(child.noted)
            if code and not (child.forgiven or (broken and child.forgiven is not None)):
                self._raise_rule(child)
                raise _failure(self._server, code, child)
            if any(not set(one.keys) & set(self._without) for one in broken):
                raise broken_rules.unprovable(broken, self._without)
            self._tell(child)
        return broken

    def _raise_rule(self, child: Child) -> None:
        """Raise `Unprovable` if the child failed because of the database's own rules or
        functions."""
        if faults.lacks(child.said()) or faults.may_pass(child.said()):
            return
        with self._connected() as there:
            broken = broken_rules.of_failure(child.about, there)
        if broken is not None:
            raise broken_rules.unprovable([broken], self._without)

    def _tell(self, child: Child) -> None:
        lacks = Counter(said for said in child.forgiven or [] if not re.search(_HARMLESS, said))
        for said, times in lacks.most_common(_SHOWN):
            self._job.log(
                "restored without owners, privileges or tablespaces", reason=said, times=times
            )

    def _connected(self) -> Any:
        return self._server.connected(self._database, autocommit=True)


class _Again:
    """Chunks that can be read twice as far as the first reader went: that is a pg_restore which
    reads no rows."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._taken: list[bytes] = []

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self._taken.append(chunk)
            yield chunk

    def from_the_start(self) -> Iterator[bytes]:
        return itertools.chain(self._taken, self._chunks)


def peeked(chunks: Iterator[bytes], least: int = _HEAD) -> tuple[bytes, Iterator[bytes]]:
    """(the first bytes, all bytes). The first are at least `least` if there are as many, or fewer
    if they already describe the database."""
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= least or CREATED.search(head):
            break
    return head, itertools.chain([head], chunks)


def _client(head: bytes) -> int:
    """The version of the oldest pg_restore that reads the archive; for no archive, any version."""
    if not head.startswith(_MAGIC) or len(head) < len(_MAGIC) + 2:
        return _OLDEST
    found = (head[len(_MAGIC)], head[len(_MAGIC) + 1])
    return _ARCHIVES.get(found, _NEWEST if found > max(_ARCHIVES) else _OLDEST)


def _failure(server: Server, code: int, child: Child) -> BelfryError:
    said = child.said()
    how = f"signal {-code}" if code < 0 else f"code {code}"
    ended = f"pg_restore {'failed' if child.failed else f'ended with {how}'}: {said}"
    if "unsupported version" in said:
        return Misconfigured(
            f"the dump was made by a newer pg_dump ({said}); "
            "set POSTGRES_BIN to the folder of a newer pg_restore"
        )
    if (code < 0 and not child.failed) or faults.may_pass(said):
        return Unavailable(server.service, ended)
    if faults.lacks(said):
        return Refused(server.service, ended)
    return Damaged(f"the dump cannot be restored: {said}")
