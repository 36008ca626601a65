"""A full host killed with -9 again and again, and the wait until nothing is owed any more."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bench.peers import FullHost, Killing, environment
from bench.peers.environment import Failed
from bench.peers.ledger import Ledger, Run

_QUIET = 3.0
_LOOK = 0.5

Start = Callable[[], Sequence[subprocess.Popen[bytes]]]
Account = Callable[[set[int]], "Owed"]


@dataclass(frozen=True, slots=True)
class Owed:
    """How it stands with the schedules that have not started."""

    explained: int
    over: bool
    """No further one will start."""


def drive(killing: Killing, ledger: Ledger, start: Start, account: Account) -> FullHost:
    """Kill what `start` starts; the jobs write their lines when they start.

    `account` is asked with the schedules that have started, while no line is written. Raises
    `Failed` when a host ends by itself, or does not begin.
    """
    hosts = start()
    try:
        for _ in range(killing.kills):
            _work(killing, ledger, hosts)
            environment.kill(*hosts)
            killed = time.time()
            hosts = start()
        owed, noticed = _rest(killing, ledger, hosts, account)
    finally:
        environment.kill(*hosts)
    return _result(killing, ledger, killed, owed, noticed)


def _work(killing: Killing, ledger: Ledger, hosts: Sequence[subprocess.Popen[bytes]]) -> None:
    """Until a host has worked for its time; until the first has started something at all."""
    if not ledger.wait(1, killing.limit, *hosts):
        raise Failed(f"nothing started in {killing.limit:.0f} s", broken=_ended(hosts))
    time.sleep(killing.every)
    if _ended(hosts):
        raise Failed("a host ended by itself", broken=True)


def _ended(hosts: Sequence[subprocess.Popen[bytes]]) -> bool:
    return any(host.poll() is not None for host in hosts)


def _rest(
    killing: Killing,
    ledger: Ledger,
    hosts: Sequence[subprocess.Popen[bytes]],
    account: Account,
) -> tuple[Owed, float]:
    """(how it stands in the end, when that was noticed)."""
    size, changed = -1, time.monotonic()
    deadline = changed + killing.limit
    while (now := time.monotonic()) < deadline:
        if _ended(hosts):
            raise Failed("a host ended by itself", broken=True)
        if len(ledger) != size:
            size, changed = len(ledger), now
        started = {run.schedule for run in ledger.runs()}
        if len(started) == killing.due:
            return Owed(0, True), time.time()
        if now - changed > _QUIET and (owed := account(started)).over:
            return owed, time.time()
        time.sleep(_LOOK)
    return replace(account({run.schedule for run in ledger.runs()}), over=False), time.time()


def _result(
    killing: Killing, ledger: Ledger, killed: float, owed: Owed, noticed: float
) -> FullHost:
    firsts: dict[int, Run] = {}
    for run in ledger.runs():
        firsts.setdefault(run.schedule, run)
    starts = sorted(run.at for run in firsts.values())
    before = [at for at in starts if at <= starts[0] + killing.every]
    after = [at for at in starts if at > killed]
    ended = noticed if owed.explained else max(after, default=killed)
    left = killing.due - len(starts) - owed.explained
    return FullHost(
        due=killing.due,
        kills=killing.kills,
        left=left,
        explained=owed.explained,
        seconds=ended - killed,
        before_per_second=len(before) / killing.every,
        after_per_second=len(after) / (ended - killed) if after else 0.0,
        note=f"{left} of them are lost" if left and owed.over else "",
    )
