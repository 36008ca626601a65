"""A bench fails when Belfry has no figure or a program broke; a peer that is away is told of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.__main__ import main
from bench.engine import failures
from bench.peers import Absent, Crash, FullHost, Lateness, Throughput, plan, table
from bench.peers.environment import Failed, told
from bench.peers.plan import Report
from bench.peers.sizes import TINY

FIGURE = Throughput(due=1, done=1, seconds=1)
LATE = Lateness(
    per_second=1,
    due=10,
    ran=10,
    p50_milliseconds=1,
    p99_milliseconds=1,
    max_milliseconds=1,
)
FULL = FullHost(
    due=10,
    kills=1,
    left=0,
    explained=0,
    seconds=1,
    before_per_second=1,
    after_per_second=1,
)
AWAY = Absent(why="no redis-server")
BROKE = Absent(why="dispatch: KeyError", broken=True)


class _Peer:
    """Answers every measurement with the same."""

    setting = "as it comes"

    def __init__(self, name: str, answer: Any, absent: Absent | None = None) -> None:
        self.name = name
        self._answer = answer
        self._absent = absent
        self.closed = 0

    def prepare(self, _: Path) -> Absent | None:
        return self._absent

    def close(self) -> None:
        self.closed += 1

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *_: self._answer


def _report(name: str, answer: Any, absent: Absent | None = None) -> Report:
    peer: Any = _Peer(name, answer, absent)
    report = plan.measure(peer, TINY, tell=lambda _: None)
    assert peer.closed == 1
    return report


def test_nothing_failed() -> None:
    assert list(failures(_report("Belfry", FIGURE), [_report("other", FIGURE)])) == []


def test_a_figure_of_ours_that_is_missing_is_a_failure() -> None:
    found = list(failures(_report("Belfry", AWAY), []))
    assert "Belfry, full: no redis-server" in found
    assert len(found) == 8 + len(TINY.processes) - 1


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        (Throughput(due=2, done=1, seconds=1), "1 of 2 were not done"),
        (replace(LATE, ran=7), "3 of 10 did not run"),
        (Crash(schedules=9, kills=1, lost=0, doubled=2, recovery_seconds=1), "2 done twice"),
        (replace(FULL, left=4), "4 of 10 did not start"),
    ],
)
def test_what_ours_left_undone_is_a_failure(answer: Any, wrong: str) -> None:
    found = list(failures(_report("Belfry", answer), []))
    assert found and all(wrong in line for line in found)
    assert list(failures(_report("Belfry", FIGURE), [_report("other", answer)])) == []


@pytest.mark.parametrize(("answer", "absent"), [(FIGURE, AWAY), (AWAY, None)])
def test_a_peer_that_cannot_be_had_is_told_and_no_failure(
    answer: Any, absent: Absent | None
) -> None:
    ours, other = _report("Belfry", FIGURE), _report("other", answer, absent)
    assert list(failures(ours, [other])) == []
    assert "[1] no redis-server" in table.table([ours, other])


def test_a_program_of_a_peer_that_broke_is_a_failure() -> None:
    found = list(failures(_report("Belfry", FIGURE), [_report("other", BROKE)]))
    assert found[0] == "other, dispatch: dispatch: KeyError"


@pytest.mark.parametrize("broken", [True, False])
def test_what_a_program_said_becomes_the_reason(broken: bool) -> None:
    @told
    def measured(n: int) -> int:
        raise Failed(f"{n} of 10 done", broken=broken)

    assert measured(3) == Absent(why="3 of 10 done", broken=broken)


def test_a_bench_that_fails_keeps_no_other_from_running_and_fails_the_whole(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.py").write_text("raise SystemExit('broken')")
    (tmp_path / "b.py").write_text("import sys; print(sys.argv[1:])")
    (tmp_path / "_c.py").write_text("raise SystemExit('not run')")
    assert main(["--tiny"], tmp_path) == 1
    told = capfd.readouterr()
    assert "['--tiny']" in told.out and told.err.splitlines() == ["broken", "FAILED: a.py"]
