"""`python -m functions database`, in a shell that has no storage account."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from azure.data.tables import TableClient

from local.azurite import Azurite
from shared.data.engines import shown
from shared.settings import Secret
from tests.forked import Commands

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(commands: Commands) -> Run:
    """`python -m functions database WORDS`, of a database if one is given."""

    def call(url: Secret | None, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        environ["BELFRY_LOCAL_SETTINGS"] = "tests/unit/no.settings.json"
        if url is not None:
            environ["DATABASE_URL"] = url.reveal()
        return commands.run("database", *words, **environ)

    return call


def said(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.stderr == ""
    return dict(json.loads(done.stdout))


def test_a_database_is_upgraded_by_a_command(run: Run, old: Secret) -> None:
    done = run(old, "upgrade")
    assert said(done) == {
        "database": shown(old),
        "code": "0005",
        "before": None,
        "schema": "0005",
        "changed": True,
        "problem": None,
    }
    assert done.returncode == 0
    again = said(run(old, "upgrade"))
    assert (again["before"], again["changed"]) == ("0005", False)
    done = run(old, "status")
    assert (done.returncode, said(done)["problem"]) == (0, None)


def test_the_audit_is_told_who_upgraded_it_where_a_storage_account_is_set(
    run: Run, old: Secret, azurite: Azurite
) -> None:
    prefix = f"told{uuid4().hex[:8]}"
    storage = {"AzureWebJobsStorage": azurite.connection_string, "BELFRY_PREFIX": prefix}
    assert said(run(old, "upgrade", **storage))["changed"] is True
    assert run(old, "status", **storage).returncode == 0
    table = TableClient.from_connection_string(azurite.connection_string, f"{prefix}audit")
    with table:
        (row,) = table.list_entities()
    told = json.loads(row["text0"])
    assert (told["action"], told["subject"]["kind"]) == ("change", "database")
    assert told["after"] == {"before": None, "schema": "0005", "changed": True}
    assert (told["outcome"], told["by"]["address"]) == ("done", socket.gethostname())


def test_while_the_audit_is_away_a_database_is_upgraded_and_the_log_says_so(
    run: Run, old: Secret
) -> None:
    away = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;"
    away += ";".join(f"{one}Endpoint=http://127.0.0.1:9/a" for one in ("Table", "Queue", "Blob"))
    done = run(old, "upgrade", AzureWebJobsStorage=away)
    assert (done.returncode, json.loads(done.stdout)["changed"]) == (0, True)
    assert "audit_unsettled" in done.stderr


def test_a_status_that_does_not_fit_is_told_by_the_exit_code(run: Run, old: Secret) -> None:
    done = run(old, "status")
    assert done.returncode == 1
    assert "has no schema of Belfry, and the code needs 0005: run `python" in said(done)["problem"]


@pytest.mark.parametrize("words", [(), ("downgrade",), ("upgrade", "status"), ("a=b",)])
def test_other_words_are_told_in_one_line(run: Run, words: tuple[str, ...]) -> None:
    done = run(Secret("sqlite:////none.db"), *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "write `python -m functions database status`, or `... upgrade`\n"


def test_help_is_the_help_of_all(run: Run) -> None:
    done = run(None, "--help")
    assert done.returncode == 0 and "python -m functions database upgrade" in done.stdout


def test_what_is_missing_is_told_in_one_line(run: Run) -> None:
    done = run(None, "status")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("DATABASE_URL is not set; it says")


def test_a_wrong_password_is_told_and_not_shown(run: Run, url: Secret) -> None:
    if url.reveal().startswith("sqlite"):
        return
    user, _, server = url.reveal().partition("@")
    wrong = Secret(f"{user.rpartition(':')[0]}:wr0ng-hush@{server}")
    for word in ("status", "upgrade"):
        done = run(wrong, word)
        assert done.returncode == 2 and "password authentication failed" in done.stderr
        assert "hush" not in done.stderr and len(done.stderr.splitlines()) == 1
