"""The bare limit: the bytes of a dispatch, made beforehand, sent as fast as the storage takes them.

The transactions and the messages of Belfry's tick, signed by hand, on as many connections as it
uses; nothing is read, parsed or decided but whether it worked. No scheduler on this storage can be
faster.
"""

from __future__ import annotations

import http.client
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from email.utils import formatdate
from hmac import digest
from itertools import chain, groupby
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from bench.peers import Throughput
from local.azurite import ACCOUNT, KEY, Azurite
from shared.app import App
from shared.engine.dispatch.tick import JOBS_OF_A_MESSAGE, LOOK_AHEAD
from shared.schedules.plan import Plan, plan
from shared.storage.names import Names
from shared.storage.queues.jobs import Message
from shared.storage.tables.batch import BATCH_HEADERS, encode
from shared.storage.tables.changes import Change, operations

_CONNECTIONS = 4
_TOGETHER = 99
"""Schedules whose messages go before their commits, as in the tick."""
_VERSION = "2020-12-06"


@dataclass(frozen=True, slots=True)
class Request:
    """One POST, whole but for its signature."""

    port: int
    path: str
    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Account:
    """Where the requests of one app go."""

    belfry: App
    azurite: Azurite

    def message(self, job_ids: Sequence[str]) -> Request:
        """Names those jobs."""
        text = Message(tuple(job_ids), self.belfry.clock.now()).text()
        return Request(
            self.azurite.ports[1],
            f"/{ACCOUNT}/{Names(self.belfry.settings.prefix).queue}/messages",
            f"<QueueMessage><MessageText>{escape(text)}</MessageText></QueueMessage>".encode(),
            {"Content-Type": "application/xml", "x-ms-version": _VERSION},
        )

    def transaction(self, changes: Sequence[Change]) -> Request:
        """Makes those changes, all of one shard and few enough for it."""
        name = Names(self.belfry.settings.prefix).table
        table = f"http://127.0.0.1:{self.azurite.ports[2]}/{ACCOUNT}/{name}"
        partition = self.belfry.table.shard(changes[0].after.id)
        now = self.belfry.clock.now()
        steps = [op for one in changes for op in operations(one, "m", now)]
        body = encode(table, partition, steps)
        return Request(self.azurite.ports[2], f"/{ACCOUNT}/$batch", body, dict(BATCH_HEADERS))


def prepared(belfry: App, azurite: Azurite) -> list[list[Request]]:
    """What a tick would send now, in parts: messages, then the transactions that commit them."""
    account, now, shard = _Account(belfry, azurite), belfry.clock.now(), belfry.table.shard
    due = sorted(belfry.table.schedules(), key=lambda one: shard(one.id))
    made: list[list[Request]] = []
    for _, group in groupby(due, key=lambda one: shard(one.id)):
        plans = [plan(one, now, now + LOOK_AHEAD) for one in group]
        starts = range(0, len(plans), _TOGETHER)
        made += [list(_part(account, plans[start : start + _TOGETHER])) for start in starts]
    return made


def _part(account: _Account, plans: Sequence[Plan]) -> Iterator[Request]:
    ids = [job.id for made in plans for job in made.start]
    for start in range(0, len(ids), JOBS_OF_A_MESSAGE):
        yield account.message(ids[start : start + JOBS_OF_A_MESSAGE])
    changes = [Change(made.before, made.after, made.recorded, made.versions) for made in plans]
    yield from map(account.transaction, account.belfry.table.batches(changes))


def dispatch(requests: Sequence[Sequence[Request]], due: int) -> Throughput:
    """Send it all, on `_CONNECTIONS` connections a service."""
    lanes = [requests[lane::_CONNECTIONS] for lane in range(_CONNECTIONS)]
    begin = time.perf_counter()
    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        list(pool.map(_send, lanes))
    return Throughput(due=due, done=due, seconds=time.perf_counter() - begin)


def _send(lane: Sequence[Sequence[Request]]) -> None:
    open_: dict[int, http.client.HTTPConnection] = {}
    with ExitStack() as ending:
        for one in chain.from_iterable(lane):
            if one.port not in open_:
                connection = http.client.HTTPConnection("127.0.0.1", one.port, timeout=30)
                open_[one.port] = ending.enter_context(closing(connection))
            _post(open_[one.port], one)


def _post(connection: http.client.HTTPConnection, one: Request) -> None:
    connection.request("POST", one.path, one.body, one.headers | _signed(one))
    answer = connection.getresponse()
    said = answer.read()
    assert answer.status in (201, 202) and b"HTTP/1.1 4" not in said, said[:500]


def _signed(one: Request) -> dict[str, str]:
    """Shared Key Lite: of the table service, and of the queue service."""
    date = formatdate(usegmt=True)
    resource = f"/{ACCOUNT}{urlsplit(one.path).path}"
    if one.path.endswith("$batch"):
        text = f"{date}\n{resource}"
    else:
        headers = f"x-ms-date:{date}\nx-ms-version:{_VERSION}"
        text = f"POST\n\napplication/xml\n\n{headers}\n{resource}"
    signature = b64encode(digest(b64decode(KEY), text.encode(), "sha256")).decode()
    return {"x-ms-date": date, "Authorization": f"SharedKeyLite {ACCOUNT}:{signature}"}
