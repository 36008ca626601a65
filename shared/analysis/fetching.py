"""Fetches a branch's last commit as one pack, which it does not look into.

The library (dulwich) speaks git's protocol; each of its requests goes through the guarded client's
pool, which checks every address and every redirect, and ends when too many bytes came or too much
time passed. The token goes into a header of requests to the repository's own host alone.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from shared import outgoing
from shared.analysis.limits import MIB, Limits
from shared.errors import Refused, Unavailable
from shared.outgoing import Outgoing
from shared.resources.repositories import Repository
from shared.settings import Secret

if TYPE_CHECKING:
    from dulwich.client import Urllib3HttpGitClient

_USER = "x-access-token"
_HEADS = b"refs/heads/"
_REDIRECTS = 3


class Pool(Protocol):
    """What a library takes for urllib3's `PoolManager`."""

    headers: dict[str, str]

    def request(self, method: str, url: str, body: Any = None, **options: Any) -> Any: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetched:
    """What was fetched."""

    commit: str
    branch: str
    bytes: int
    """Of the pack."""


def fetch(
    guarded: Outgoing,
    repository: Repository,
    token: Secret | None,
    branch: str,
    to: Path,
    limits: Limits,
    stop: threading.Event,
) -> Fetched:
    """Write the pack of a branch's last commit (empty: the default branch) to a file.

    Raises `Refused` if another attempt cannot help (no such repository or branch, a wrong token,
    too large), else `Unavailable`; and what the pool raises.
    """
    host = urlsplit(repository.url).hostname or ""

    answers = contextlib.ExitStack()

    def pool(body: int) -> Pool:
        most = outgoing.Limits(
            whole=limits.fetch_seconds, first_byte=60.0, body=body, redirects=_REDIRECTS
        )
        headers = {"User-Agent": "git/2 (Belfry)", "Accept-Encoding": "identity"}
        return _Closed(guarded.pool(most, headers=headers, stop=stop), answers)

    with answers, to.open("wb") as file, _named(host):
        client = _client(repository, token, pool(limits.refs), host)
        return _fetched(client, lambda: pool(limits.pack + MIB), branch, file, limits, host)


def _client(
    repository: Repository, token: Secret | None, pool: Pool, host: str
) -> Urllib3HttpGitClient:
    from dulwich.client import Urllib3HttpGitClient
    from dulwich.protocol import CAPABILITY_PACKFILE_URIS

    class Smart(Urllib3HttpGitClient):
        """Without git's older protocol, for which it would read objects here."""

        @property
        def dumb(self) -> bool:
            return False

        @dumb.setter
        def dumb(self, found: bool) -> None:
            if found:
                raise Refused(host, "answers, but not as a Git server does; is that the URL?")

    made = Smart(
        repository.url,
        pool_manager=pool,  # type: ignore[arg-type]  # it has what the library uses
        username=None if token is None else repository.username or _USER,
        password=None if token is None else token.reveal(),
        thin_packs=False,
        quiet=True,
    )
    made._fetch_capabilities -= {CAPABILITY_PACKFILE_URIS}
    return made


def _fetched(
    client: Urllib3HttpGitClient,
    pool: Callable[[], Pool],
    branch: str,
    file: Any,
    limits: Limits,
    host: str,
) -> Fetched:
    wanted: list[bytes] = []
    size = 0

    def wants(refs: Mapping[bytes, bytes], depth: int | None = None) -> list[bytes]:  # noqa: ARG001
        wanted.append(_commit(refs, branch, host))
        client.pool_manager = pool()  # type: ignore[assignment]  # for the pack
        return wanted

    def take(piece: bytes) -> int:
        nonlocal size
        size += len(piece)
        if size > limits.pack:
            raise Refused(host, f"the repository has more than {limits.pack // MIB} MiB, packed")
        return int(file.write(piece))

    found = client.fetch_pack(
        "",
        wants,  # type: ignore[arg-type]
        _Nothing(),
        take,
        depth=1,
        ref_prefix=[b"HEAD", _HEADS + branch.encode()] if branch else [b"HEAD", _HEADS],
        filter_spec=b"blob:limit=%d" % (limits.file + 1),
    )
    if len(wanted[0]) != 40:
        raise Refused(host, "the repository's ids are no SHA-1, which is all that can be read")
    symbolic: Mapping[Any, Any] = found.symrefs
    head = symbolic.get(b"HEAD", b"").removeprefix(_HEADS).decode("utf-8", "replace")
    return Fetched(commit=wanted[0].decode("ascii"), branch=branch or head or "HEAD", bytes=size)


def _commit(refs: Mapping[bytes, bytes], branch: str, host: str) -> bytes:
    name = _HEADS + branch.encode() if branch else b"HEAD"
    if name not in refs:
        what = f"branch {branch!r}" if branch else "branch with anything in it"
        raise Refused(host, f"the repository has no {what}")
    return refs[name]


class _Closed:
    """A pool whose answers are closed in the end: the library leaves some open."""

    def __init__(self, pool: Pool, answers: contextlib.ExitStack) -> None:
        self._pool = pool
        self._answers = answers
        self.headers = pool.headers

    def request(self, method: str, url: str, body: Any = None, **options: Any) -> Any:
        return self._answers.enter_context(
            contextlib.closing(self._pool.request(method, url, body, **options))
        )


class _Nothing:
    """Says that nothing is here yet, and heeds which commits are cut off."""

    def __init__(self) -> None:
        self.shallow: set[bytes] = set()
        self.unshallow: set[bytes] = set()

    def ack(self, sha: bytes) -> None:
        """Nothing was offered."""

    def nak(self) -> None:
        """Nothing was offered."""

    def update_shallow(self, shallow: set[bytes] | None, unshallow: set[bytes] | None) -> None:
        self.shallow |= shallow or set()
        self.unshallow |= unshallow or set()

    def __next__(self) -> None:
        return None

    next = __next__


@contextlib.contextmanager
def _named(host: str) -> Iterator[None]:
    """Turn the library's errors into Belfry's, which name the host, and no URL."""
    from dulwich import errors
    from dulwich.client import HTTPProxyUnauthorized, HTTPUnauthorized

    try:
        yield
    except (HTTPUnauthorized, HTTPProxyUnauthorized):
        raise Refused(host, "does not let anyone in with this token (or without one)") from None
    except errors.NotGitRepository:
        text = "there is no such repository, or the token does not show it"
        raise Refused(host, text) from None
    except (errors.GitProtocolError, errors.HangupException) as error:
        raise Unavailable(host, f"did not send the repository ({type(error).__name__})") from None
    except (ValueError, KeyError, AssertionError, EOFError) as error:
        raise Refused(host, f"does not speak git's protocol ({type(error).__name__})") from None
