"""How many deliveries to webhooks one instance makes, and whether slow receivers hold up fast ones.

`python bench/webhooks.py [--quick | --tiny]` from the root. The receivers are a process of their
own, on the same machine and its two cores; storage is Azurite there. All deliveries are due at
once; told is when each of the fast had its answer, alone and among slow ones. Beside it, in the
same run, what one would write first: a thread pool with as many threads, which stores nothing and
sends each once, in the order in which they are due.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.belfry.measuring import account, choice
from shared.clock import SystemClock
from shared.outgoing import Own, Rules, allowed
from shared.outgoing.client import Client
from shared.outgoing.model import Answer
from shared.resources.model import Kind, Resource
from shared.resources.webhooks import Webhook
from shared.settings import Secret, StorageAccount
from shared.storage.connect import Connection
from shared.webhooks.body import Wanted
from shared.webhooks.model import DeliveryStatus
from shared.webhooks.places import PLACES
from shared.webhooks.service import Webhooks
from shared.webhooks.store import Store

_KEY = "whsec_" + "A" * 43 + "="
_NOW = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """What is due."""

    fast: int
    slow: int
    """Deliveries."""
    hooks: int
    """Fast webhooks, which share the fast deliveries."""
    slow_hooks: int
    seconds: float
    """That a slow receiver takes."""

    def due(self, *, among_slow: bool) -> list[str]:
        """The webhook of each delivery, in the order in which they are due."""
        fast = [f"fast{number % self.hooks}" for number in range(self.fast)]
        slow = [f"slow{number % self.slow_hooks}" for number in range(self.slow)]
        found = fast + slow * among_slow
        random.Random(1).shuffle(found)
        return found


_LOADS = {
    "full": Load(fast=900, slow=100, hooks=45, slow_hooks=10, seconds=10.0),
    "quick": Load(fast=300, slow=40, hooks=20, slow_hooks=8, seconds=4.0),
    "tiny": Load(fast=20, slow=4, hooks=4, slow_hooks=2, seconds=0.2),
}


class Hooks:
    """The webhooks of the bench."""

    def __init__(self, url: str) -> None:
        self._url = url

    def webhook(self, webhook_id: str, project_id: int | None) -> Resource[Webhook]:
        return Resource(
            kind=Kind.WEBHOOK,
            id=webhook_id,
            project_id=project_id,
            what=Webhook(name=webhook_id),
            secrets={
                "url": Secret(f"{self._url}/{webhook_id}"),
                "signing_key": Secret(_KEY),
            },
            created_at=_NOW,
            updated_at=_NOW,
        )


class Timed:
    """The guarded client; `ends` has when each answer came, by the path that was asked for."""

    def __init__(self, port: int) -> None:
        rules = Rules(allowed=allowed([f"127.0.0.1:{port}"]), ports=(), own=Own(), setting="")
        self._client = Client(rules, SystemClock())
        self.ends: list[tuple[str, float]] = []

    def request(self, method: str, url: str, **more: Any) -> Answer:
        answer = self._client.request(method, url, **more)
        self.ends.append((url.rpartition("/")[2], time.perf_counter()))
        return answer


class _Unbudgeted:
    def refusal(self, schedule_id: str, project_id: int | None) -> None:
        """No budget is used up."""

    def moved(self, schedule_id: str, project_id: int | None, count: int) -> None:
        """Nobody counts."""


def _nobody() -> Any:
    raise RuntimeError("nobody is to be told anything")


def belfry(load: Load, port: int, *, among_slow: bool) -> tuple[list[float], float]:
    """(seconds until each of the fast had its answer, until all were written down)"""
    with account() as text:
        outgoing, url = Timed(port), f"http://127.0.0.1:{port}"
        store = Store(Connection(StorageAccount(connection_string=Secret(text))), "hooks")
        hooks: Any = Hooks(url)
        client: Any = outgoing
        audit: Any = None
        made = Webhooks(
            store, lambda: client, lambda: hooks, _nobody, audit, _Unbudgeted(), SystemClock()
        )
        due = load.due(among_slow=among_slow)
        for number, hook in enumerate(due):
            made._stored(_wanted(hook, number))
        began = time.perf_counter()
        done: dict[DeliveryStatus, int] = {}
        while sum(done.values()) < len(due):
            part = made.flush(longest=timedelta(seconds=45), stop=threading.Event())
            done = {one: done.get(one, 0) + part.get(one, 0) for one in DeliveryStatus}
        assert done[DeliveryStatus.DELIVERED] == len(due), done
        whole = time.perf_counter() - began
        return [at - began for hook, at in outgoing.ends if hook.startswith("fast")], whole


def _wanted(hook: str, number: int) -> Wanted:
    return Wanted(
        webhook_id=hook,
        project_id=number % 7,
        type="bench",
        data={"number": number},
        schedule_id="bench",
        job_id=f"bench-{number}",
        due_at=_NOW + timedelta(seconds=number),
    )


def naive(load: Load, port: int, *, among_slow: bool) -> tuple[list[float], float]:
    """The same of a thread pool with requests."""
    import requests

    ends: list[tuple[str, float]] = []
    ours = threading.local()

    def send(hook: str) -> None:
        if not hasattr(ours, "session"):
            ours.session = requests.Session()
        ours.session.post(f"http://127.0.0.1:{port}/{hook}", json={"a": 1}, timeout=30)
        ends.append((hook, time.perf_counter()))

    began = time.perf_counter()
    with ThreadPoolExecutor(PLACES) as pool:
        list(pool.map(send, load.due(among_slow=among_slow)))
    whole = time.perf_counter() - began
    return [at - began for hook, at in ends if hook.startswith("fast")], whole


async def _answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float
) -> None:
    """Answer the requests of one connection; those for a slow webhook late."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = next(
                int(line[15:])
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length:")
            )
            await reader.readexactly(length)
            if b" /slow" in head.partition(b"\r\n")[0]:
                await asyncio.sleep(seconds)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def serve(seconds: float) -> None:
    """Answer until killed; the first line of the output is the port."""
    server = await asyncio.start_server(
        lambda reader, writer: _answer(reader, writer, seconds), "127.0.0.1", 0, backlog=512
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def receivers(seconds: float) -> Iterator[int]:
    """The port of receivers in a process of their own."""
    command = [sys.executable, __file__, "--serve", str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


def _percentiles(times: Sequence[float]) -> Mapping[str, float]:
    ordered = sorted(times)
    return {name: ordered[int(part * (len(ordered) - 1))] for name, part in _PARTS.items()}


_PARTS = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


def _line(what: str, times: Sequence[float], whole: float, count: int) -> None:
    shown = "".join(f"{one:9.2f}" for one in _percentiles(times).values())
    print(f"  {what:34}{shown}{whole:9.1f}{60 * count / whole:12,.0f}")


def main() -> None:
    load = _LOADS[choice(__doc__, "300 fast and 40 slow deliveries")]
    if load is _LOADS["tiny"]:
        print("tiny: these are no measurements")
    with receivers(load.seconds) as port:
        alone, among = (belfry(load, port, among_slow=slow) for slow in (False, True))
        pool, held_up = (naive(load, port, among_slow=slow) for slow in (False, True))
    count = load.fast + load.slow
    print(
        f"{load.fast} deliveries to {load.hooks} fast webhooks, {load.slow} to {load.slow_hooks} "
        f"that answer after {load.seconds:g} s"
    )
    print("  seconds until the fast had theirs       p50      p95      p99      all  all/minute")
    _line("Belfry, which stores each", *alone, load.fast)
    _line("  among the slow", *among, count)
    _line(f"a pool of {PLACES} threads, no storage", *pool, load.fast)
    _line("  among the slow", *held_up, count)
    ours, theirs = (
        _percentiles(slow[0])["p99"] / _percentiles(fast[0])["p99"]
        for fast, slow in ((alone, among), (pool, held_up))
    )
    print(
        f"  the p99 of the fast, among slow ones: {ours:.1f} times as long; the pool's {theirs:.1f}"
    )


if __name__ == "__main__":
    if "--serve" in sys.argv:
        asyncio.run(serve(float(sys.argv[-1])))
    else:
        main()
