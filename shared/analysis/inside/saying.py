"""What a step says of what it found: findings with fingerprints, the worst first if there are too
many."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from types import FrameType
from typing import Any

from shared.analysis import prints
from shared.analysis.limits import Limits
from shared.analysis.model import Severity
from shared.clock import SystemClock

_RANK = {one.value: number for number, one in enumerate(Severity)}
_LONGEST = 1000


class Slow(Exception):
    """One file took too long."""


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """Raise `Slow` if the body takes longer."""

    def late(_signal: int, _frame: FrameType | None) -> None:
        raise Slow

    signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


class Time:
    """How long a step goes on: a little less than it may, so that it can say how far it came."""

    def __init__(self, limits: Limits) -> None:
        self._clock = SystemClock()
        self._until = self._clock.monotonic() + 0.8 * limits.seconds

    def is_over(self) -> bool:
        return self._clock.monotonic() > self._until


def files(src: Path) -> Iterator[tuple[str, Path]]:
    """(path below the root, where it is) of each file, in order."""
    for one in sorted(src.rglob("*")):
        if one.is_file() and not one.is_symlink():
            yield one.relative_to(src).as_posix(), one


def finding(
    rule: str, severity: str, message: str, path: str, line: int, **more: Any
) -> dict[str, Any]:
    """A finding, as the service reads it (`model.Found`)."""
    made = {"column": 0, "end_line": 0, "end_column": 0, "fingerprint": ""}
    plain = " ".join(message.split())[:_LONGEST] or rule
    return made | {
        "rule": rule[:200],
        "severity": severity,
        "message": plain,
        "path": path,
        "line": max(1, line),
        **more,
    }


def said(
    src: Path,
    findings: list[dict[str, Any]],
    rules: Mapping[str, Mapping[str, str]],
    version: str,
    most: int,
    trouble: str = "",
) -> dict[str, Any]:
    """What the step says. `trouble`: why it may have missed something."""
    cut = max(0, len(findings) - most)
    if cut:
        findings.sort(key=lambda one: (_RANK[one["severity"]], one["path"], one["line"]))
        del findings[most:]
        trouble = f"{cut} findings more than {most} were left out; {trouble}".rstrip("; ")
    _mark(src, findings)
    used = {one["rule"] for one in findings}
    return {
        "version": version,
        "findings": findings,
        "rules": [{"id": one, **rules[one]} for one in sorted(used) if one in rules],
        "trouble": trouble,
    }


def missed(slow: Sequence[str], late: int) -> str:
    """What a step did not look at, in words; empty if it looked at everything."""
    said = [f"{len(slow)} files took too long, such as {slow[0]!r:.200}"] if slow else []
    return "; ".join(said + ([f"there was no time for {late} files"] if late else []))


def _mark(src: Path, findings: list[dict[str, Any]]) -> None:
    """Give each finding without a fingerprint that of its line."""
    findings.sort(key=lambda one: (one["path"], one["line"], one["column"], one["rule"]))
    for path, several in groupby(findings, key=lambda one: str(one["path"])):
        those = [one for one in several if not one["fingerprint"]]
        if not those:
            continue
        text = (src / path).read_bytes().decode("utf-8", "replace")
        found = prints.of_lines(text, {one["line"] for one in those})
        for one in those:
            one["fingerprint"] = found.get(one["line"], prints.of_words(path, str(one["line"])))
