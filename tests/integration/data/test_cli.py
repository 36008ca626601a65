"""`python -m functions database`, in a shell that has no storage account."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from shared.data.engines import shown
from shared.settings import Secret


def run(url: Secret | None, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "functions", "database", *words]
    environ["BELFRY_LOCAL_SETTINGS"] = "tests/unit/no.settings.json"
    if url is not None:
        environ["DATABASE_URL"] = url.reveal()
    return subprocess.run(command, env=environ, capture_output=True, text=True)


def said(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.stderr == ""
    return dict(json.loads(done.stdout))


def test_a_database_is_upgraded_by_a_command(old: Secret) -> None:
    done = run(old, "upgrade")
    assert said(done) == {
        "database": shown(old),
        "code": "0004",
        "before": None,
        "schema": "0004",
        "changed": True,
        "problem": None,
    }
    assert done.returncode == 0
    again = said(run(old, "upgrade"))
    assert (again["before"], again["changed"]) == ("0004", False)
    done = run(old, "status")
    assert (done.returncode, said(done)["problem"]) == (0, None)


def test_a_status_that_does_not_fit_is_told_by_the_exit_code(old: Secret) -> None:
    done = run(old, "status")
    assert done.returncode == 1
    assert "has no schema of Belfry, and the code needs 0004: run `python" in said(done)["problem"]


@pytest.mark.parametrize("words", [(), ("downgrade",), ("upgrade", "status"), ("a=b",)])
def test_other_words_are_told_in_one_line(words: tuple[str, ...]) -> None:
    done = run(Secret("sqlite:////none.db"), *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "write `python -m functions database status`, or `... upgrade`\n"


def test_help_is_the_help_of_all() -> None:
    done = run(None, "--help")
    assert done.returncode == 0 and "python -m functions database upgrade" in done.stdout


def test_what_is_missing_is_told_in_one_line() -> None:
    done = run(None, "status")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("DATABASE_URL is not set; it says")


def test_a_wrong_password_is_told_and_not_shown(url: Secret) -> None:
    if url.reveal().startswith("sqlite"):
        return
    user, _, server = url.reveal().partition("@")
    wrong = Secret(f"{user.rpartition(':')[0]}:wr0ng-hush@{server}")
    for word in ("status", "upgrade"):
        done = run(wrong, word)
        assert done.returncode == 2 and "password authentication failed" in done.stderr
        assert "hush" not in done.stderr and len(done.stderr.splitlines()) == 1
