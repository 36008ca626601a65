"""A client made of the description compiles, and has every operation and every schema."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests import client
from tests.unit.api.asking import operations, stateless

REPO = Path(__file__).parents[3]
README = (REPO / "README.md").read_text()


@pytest.fixture(scope="module", autouse=True)
def made(tmp_path_factory: pytest.TempPathFactory) -> None:
    client.generated(stateless().openapi(), tmp_path_factory.mktemp("client"))


@pytest.mark.parametrize(
    "what", [what for _, _, what in operations()], ids=lambda what: str(what["operationId"])
)
def test_each_operation_can_be_called(what: dict[str, Any]) -> None:
    (tag,) = what["tags"]
    made = client.operation(tag, what["operationId"])
    assert callable(made.sync_detailed) and callable(made.asyncio_detailed)
    given = made.sync_detailed.__annotations__
    assert "AuthenticatedClient" in str(given["client"])
    assert ("body" in given) == ("requestBody" in what)
    named = {re.sub("[.-]", "_", one["name"]).lower() for one in what.get("parameters", ())}
    assert named == {name.removesuffix("_") for name in given} - {"client", "body", "return"}


@pytest.mark.parametrize(
    "what",
    [
        one
        for _, _, one in operations()
        if not one.get("requestBody", {"required": True}).get("required")
    ],
    ids=lambda what: str(what["operationId"]),
)
def test_a_body_that_may_be_left_out_is_not_sent(what: dict[str, Any]) -> None:
    made = client.operation(what["tags"][0], what["operationId"])
    inside = {one["name"]: "x" for one in what.get("parameters", ()) if one["in"] == "path"}
    assert "json" not in made._get_kwargs(**inside)


def test_each_schema_is_a_class() -> None:
    for name in stateless().openapi()["components"]["schemas"]:
        assert client.model(name).__name__ == name


def test_a_name_that_two_schemas_have_would_be_noticed(tmp_path: Path) -> None:
    schema = {"title": "Twin", "type": "string", "enum": ["a"]}
    twins = {"One": schema, "Two": schema | {"enum": ["b"]}}
    described = stateless().openapi() | {"paths": {}, "components": {"schemas": twins}}
    with pytest.raises(AssertionError, match="Twin"):
        client.generated(described, tmp_path)


def test_the_readmes_command_makes_one_that_git_check_and_publishing_leave_out(
    tmp_path: Path,
) -> None:
    (command,) = re.findall(r"^    .*openapi_python_client (.*)$", README, re.MULTILINE)
    (tmp_path / "openapi.json").write_text(json.dumps(stateless().openapi()))
    words = shlex.split(command)
    at = words.index("--url")
    words[at : at + 2] = ["--path", "openapi.json"]
    words[words.index("--config") + 1] = str(REPO / words[words.index("--config") + 1])
    done = subprocess.run(
        [sys.executable, "-m", "openapi_python_client", *words],
        cwd=tmp_path,
        env={},
        capture_output=True,
        text=True,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0 and not re.search("warning|issue|PATH", said), said
    (made,) = [path.name for path in tmp_path.iterdir() if path.is_dir()]
    for ignored in (".gitignore", ".funcignore"):
        assert f"{made}/" in (REPO / ignored).read_text().splitlines()
    ruff = tomllib.loads((REPO / "pyproject.toml").read_text())["tool"]["ruff"]
    assert made in ruff["extend-exclude"]
