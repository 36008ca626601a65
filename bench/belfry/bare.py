"""The bare limit: the bytes of a dispatch, made beforehand, sent as fast as the storage takes them.

The transactions and the messages of Belfry's tick, signed by hand, on as many connections as it
uses; nothing is read, parsed or decided but whether it worked. No scheduler on this storage can be
faster.
"""

from __future__ import annotations

import http.client
import time
from base64 import b64decode, b64encode
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from email.utils import formatdate
from hmac import digest
from itertools import groupby
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from bench.peers import Throughput
from local.azurite import ACCOUNT, KEY, Azurite
from shared.app import App
from shared.schedules.plan import plan
from shared.storage.names import Names
from shared.storage.queue import Message
from shared.storage.schedules import Change, operations
from shared.storage.wire import BATCH_HEADERS, encode

_CONNECTIONS = 4
_TOGETHER = 33
_VERSION = "2020-12-06"


@dataclass(frozen=True, slots=True)
class Request:
    """One POST, whole but for its signature."""

    port: int
    path: str
    body: bytes
    headers: dict[str, str]


def prepared(belfry: App, azurite: Azurite) -> list[list[Request]]:
    """What a tick would send now: pairs of a message and a transaction."""
    now = belfry.clock.now()
    names = Names(belfry.settings.prefix)
    table = f"http://127.0.0.1:{azurite.ports[2]}/{ACCOUNT}/{names.table}"
    shard = belfry.table.shard
    due = sorted(belfry.table.schedules(), key=lambda one: shard(one.id))
    made: list[list[Request]] = []
    for partition, group in groupby(due, key=lambda one: shard(one.id)):
        mine = list(group)
        for start in range(0, len(mine), _TOGETHER):
            some = mine[start : start + _TOGETHER]
            plans = [plan(one, now, now + timedelta(seconds=75)) for one in some]
            changes = [Change(p.before, p.after, p.recorded, p.versions) for p in plans]
            body = encode(table, partition, [op for one in changes for op in operations(one, "m")])
            text = Message(tuple(job.id for p in plans for job in p.start), now).text()
            message = f"<QueueMessage><MessageText>{escape(text)}</MessageText></QueueMessage>"
            put = Request(
                azurite.ports[1],
                f"/{ACCOUNT}/{names.queue}/messages",
                message.encode(),
                {"Content-Type": "application/xml", "x-ms-version": _VERSION},
            )
            batch = Request(azurite.ports[2], f"/{ACCOUNT}/$batch", body, dict(BATCH_HEADERS))
            made.append([put, batch])
    return made


def dispatch(requests: Sequence[Sequence[Request]], due: int) -> Throughput:
    """Send it all, on `_CONNECTIONS` connections a service."""
    lanes = [requests[lane::_CONNECTIONS] for lane in range(_CONNECTIONS)]
    begin = time.perf_counter()
    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        list(pool.map(_send, lanes))
    return Throughput(due=due, done=due, seconds=time.perf_counter() - begin)


def _send(lane: Sequence[Sequence[Request]]) -> None:
    open_: dict[int, http.client.HTTPConnection] = {}
    for pair in lane:
        for one in pair:
            if one.port not in open_:
                open_[one.port] = http.client.HTTPConnection("127.0.0.1", one.port, timeout=30)
            connection = open_[one.port]
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
