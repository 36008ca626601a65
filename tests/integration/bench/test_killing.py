"""What is said of a full host that is killed; the host is a program that writes lines."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.peers import Absent, Killing, Lateness, Mix, killing
from bench.peers.environment import Failed
from bench.peers.killing import Owed, drive
from bench.peers.ledger import Ledger

_HOST = """
import os, sys, time
path, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
file = os.open(path, os.O_WRONLY | os.O_APPEND)
for number in range(first, last):
    os.write(file, f"{number:06d} {0:017.6f} {time.time():017.6f}\\n".encode())
time.sleep(60)
"""
KILLING = Killing(due=10, kills=2, every=0.2, limit=20)
QUIET = 0.5


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is over is noticed sooner."""
    monkeypatch.setattr(killing, "_QUIET", QUIET)
    monkeypatch.setattr(killing, "_LOOK", 0.05)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path / "runs")
    made.clear()
    return made


def _starting(
    ledger: Ledger, *spans: tuple[int, int]
) -> Callable[[], list[subprocess.Popen[bytes]]]:
    """Each host does the jobs from the one number to the other."""
    left = list(spans)

    def start() -> list[subprocess.Popen[bytes]]:
        first, last = left.pop(0)
        command = [sys.executable, "-c", _HOST, str(ledger.path), str(first), str(last)]
        return [subprocess.Popen(command)]

    return start


def test_all_that_was_due_starts_in_the_end(ledger: Ledger) -> None:
    start = _starting(ledger, (0, 4), (2, 6), (6, 10))
    found = drive(KILLING, ledger, start, lambda _: Owed(0, over=False))
    assert (found.left, found.explained, found.note) == (0, 0, "")
    assert 0 < found.seconds < 10 and found.before_per_second == 4 / 0.2
    assert found.after_per_second > 0


def test_what_is_explained_is_not_left(ledger: Ledger) -> None:
    asked: list[set[int]] = []

    def account(started: set[int]) -> Owed:
        asked.append(started)
        return Owed(3, over=True)

    found = drive(KILLING, ledger, _starting(ledger, (0, 4), (4, 7), (0, 0)), account)
    assert asked == [set(range(7))]
    assert (found.left, found.explained) == (0, 3)
    assert found.seconds >= QUIET, "until it was noticed"


def test_what_no_one_will_start_is_lost(ledger: Ledger) -> None:
    start = _starting(ledger, (0, 4), (0, 0), (4, 6))
    found = drive(KILLING, ledger, start, lambda _: Owed(0, over=True))
    assert found.left == 4 and found.note == "4 of them are lost"


def test_a_host_that_ends_by_itself_is_a_failure(ledger: Ledger) -> None:
    def start() -> list[subprocess.Popen[bytes]]:
        return [subprocess.Popen([sys.executable, "-c", ""])]

    with pytest.raises(Failed) as caught:
        drive(KILLING, ledger, start, lambda _: Owed(0, over=True))
    assert caught.value.broken


def test_lateness_beside_long_jobs_says_how_many_were_under_way(ledger: Ledger) -> None:
    mix = Mix(long=2, per_second=1, seconds=1)
    first, step, begin = mix.times(time.time())
    assert first + step * mix.long < begin
    assert ledger.mixed(mix, begin) == Absent(
        why="no short job ran; 0 of 2 long jobs were under way"
    )
    ledger.long.path.write_text(f"{0:06d} {first:017.6f} {first:017.6f}\n")
    ledger.path.write_text(f"{0:06d} {begin:017.6f} {begin + 0.5:017.6f}\n")
    found = ledger.mixed(mix, begin)
    assert isinstance(found, Lateness) and found.max_milliseconds == pytest.approx(500)
    assert found.note == "1 of 2 long jobs were under way"
