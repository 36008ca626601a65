"""Processor time of programs while they run, as the kernel counts it: in hundredths of a second."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence

import psutil  # type: ignore[import-untyped]

from bench.peers import Processor


class Meter:
    """Counts from its making on."""

    def __init__(
        self,
        hosts: Sequence[subprocess.Popen[bytes]],
        storage: Sequence[subprocess.Popen[bytes]],
    ) -> None:
        self._hosts, self._storage = hosts, storage
        self._before = (_seconds(hosts), _seconds(storage))

    def read(self, jobs: int, more: float = 0) -> Processor:
        """For each of the `jobs`. `more`: seconds of programs that ended meanwhile.

        What has no process of its own (a file) costs no storage.
        """
        hosts = _seconds(self._hosts) - self._before[0] + more
        storage = _seconds(self._storage) - self._before[1]
        return Processor(
            hosts_milliseconds=hosts / jobs * 1000, storage_milliseconds=storage / jobs * 1000
        )


def _seconds(programs: Iterable[subprocess.Popen[bytes]]) -> float:
    """Of the programs and all that they started, also what has ended since."""
    total = 0.0
    for program in programs:
        root = psutil.Process(program.pid)
        for process in (root, *root.children(recursive=True)):
            try:
                total += sum(process.cpu_times()[:4])
            except psutil.NoSuchProcess:  # it ended just now: its parent counts it from now on
                continue
    return total
