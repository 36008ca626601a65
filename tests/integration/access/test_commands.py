"""`python -m functions keys`, which needs nothing but the storage account."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from local.azurite import Azurite
from shared.access import keys as pure
from tests.forked import Commands
from tests.integration.access.asking import Asking
from tests.integration.engine.conftest import Engine

TASKS = "/api/v1/tasks"
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(commands: Commands, azurite: Azurite, tmp_path: Path, instance: Engine) -> Run:
    """`python -m functions keys WORDS`, with settings of which others are wrong."""
    file = tmp_path / "local.settings.json"
    values = {
        "AzureWebJobsStorage": azurite.connection_string,
        "BELFRY_PREFIX": instance.app.settings.prefix,
        "SCHEDULE_SHARDS": "many",
    }
    file.write_text(json.dumps({"Values": values}))
    return lambda *words: commands.run("keys", *words, BELFRY_LOCAL_SETTINGS=str(file))


def test_a_key_is_made_listed_and_revoked(run: Run, client: Asking, instance: Engine) -> None:
    done = run("create", "name=Ana", "role=admin")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert (made["name"], made["role"], made["projects"]) == ("Ana", "admin", "all")
    assert made["created_by"].startswith("user:") and "shown this once" in done.stderr
    assert made["key"] not in done.stderr
    assert client.ask("GET", TASKS, made["key"]).status_code == 200
    assert client.ask("GET", TASKS).status_code == 401
    done = run("create", "name=Shop", "role=viewer", "projects=1,2", "expires=2030-12-31")
    shop = json.loads(done.stdout)
    assert (shop["projects"], shop["expires_at"]) == ([1, 2], "2030-12-31T00:00:00Z")
    lines = [json.loads(line) for line in run("list").stdout.splitlines()]
    assert {one["name"] for one in lines} == {"Ana", "Shop"} and "key" not in lines[0]
    assert run("revoke", f"id={shop['id']}").returncode == 0
    instance.later(5)
    assert client.ask("GET", TASKS, shop["key"]).status_code == 401
    entries = client.told("GET", "/api/v1/audit?kind=key", made["key"])["entries"]
    assert [one["action"] for one in entries] == ["revoke", "create", "create"]


def test_it_helps_where_the_last_admin_is_gone(run: Run, client: Asking, instance: Engine) -> None:
    lost = client.key()
    assert run("revoke", f"id={pure.id_in(lost)}").returncode == 0, "here nothing is refused"
    instance.later(5)
    assert client.ask("GET", TASKS, lost).status_code == 401
    assert client.ask("GET", TASKS).status_code == 401, "it does not open again"
    made = json.loads(run("create", "name=Ana", "role=admin").stdout)
    assert client.ask("GET", TASKS, made["key"]).status_code == 200


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "write `python -m functions keys create"),
        (("create",), "write `python -m functions keys create"),
        (("create", "name=x", "role=admin", "role=admin"), "write `python -m functions keys"),
        (("create", "name=x", "role=root"), "'root' is no role; use viewer, operator, admin"),
        (("create", "name=x", "role=admin", "projects=a"), "no list of numbers, such as 1,2"),
        (("create", "name=x", "role=admin", "expires=soon"), "'soon' is no day"),
        (("create", "name=x", "role=admin", "expires=2020-01-01"), "still to come"),
        (("create", "name=x", "role=viewer"), "the first key must be of an admin"),
        (("revoke", "id=nosuch"), "there is no key 'nosuch'"),
        (("list", "--dry-run"), "keys has none"),
    ],
)
def test_what_is_wrong_is_said(run: Run, words: tuple[str, ...], said: str) -> None:
    done = run(*words)
    assert done.returncode == 2 and said in done.stderr, done.stderr
    assert done.stdout == ""
