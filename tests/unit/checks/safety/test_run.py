"""`make safety`: all parts run whatever the others find, and one problem is enough to fail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from checks.safety import __main__ as safety
from checks.safety import gate
from checks.safety.finding import CouldNotRun, Finding, Note, Problem

HERE = Path()


def fine(root: Path) -> Iterator[Finding]:
    del root
    yield Note("files: 3")


def wrong(root: Path) -> Iterator[Finding]:
    del root
    yield Problem("a.py:1: wrong", "make it right")
    yield Problem("b.py:1: wrong", "make it right")


def unable(root: Path) -> Iterator[Finding]:
    del root
    raise CouldNotRun("no network? Run it again")
    yield Note("never")


def crashing(root: Path) -> Iterator[Finding]:
    yield Note("began")
    raise KeyError(str(root))


def test_there_are_four_parts() -> None:
    titles = ["front-end lint", "front-end build", "back-end syntax", "safety gate"]
    assert list(safety.parts(online=False)) == titles
    assert len(gate.checks(online=False)) == 5


def test_all_that_pass_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert safety.run({"one": fine, "two": fine}, HERE)
    said = capsys.readouterr().out
    assert said.count("passed in") == 2 and "All parts passed." in said


def test_one_that_fails_says_what_and_what_to_do_and_the_others_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert not safety.run({"one": wrong, "two": unable, "three": crashing, "four": fine}, HERE)
    said = capsys.readouterr().out
    assert "PROBLEM a.py:1: wrong\n           -> make it right" in said
    assert "two could not run" in said and "no network?" in said
    assert "three crashed" in said and "KeyError" in said
    summary = said.partition("== summary")[2]
    assert "one: FAILED, problems: 2" in summary and "four: passed" in summary
    assert "Nothing may be deployed." in summary


def test_each_check_of_the_gate_runs_though_another_crashes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "checks", lambda **_: {"a": crashing, "b": wrong, "c": fine})
    found = list(gate.check(tmp_path))
    assert [type(one) for one in found] == [Note, Problem, Problem, Problem, Note]


def test_the_exit_code_and_the_choice_of_parts(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = {"front-end lint": wrong, "back-end syntax": fine}
    monkeypatch.setattr(safety, "parts", lambda **_: parts)
    assert safety.main(["syntax"]) == 0
    assert safety.main(["lint", "syntax"]) == 1
    with pytest.raises(SystemExit):
        safety.main(["nosuch"])
    assert "front-end" in capsys.readouterr().out
