"""The workflows of GitHub Actions: ours pass, and what is wrong or unsafe in one is found."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from checks import workflows

REPO = Path(__file__).parents[3]
FOLDER = REPO / ".github" / "workflows"
PINNED = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1"
RIGHT = f"""\
name: Test
on: pull_request
permissions: {{}}
concurrency:
  group: test
  cancel-in-progress: true
jobs:
  test:
    name: Test
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    permissions:
      contents: read
    steps:
      - uses: {PINNED}
        with:
          persist-credentials: false
      - run: make test
"""


def made(folder: Path, before: str, after: str) -> Path:
    """The right workflow with one thing changed, in a project of its own."""
    assert before in RIGHT
    file = folder / ".github/workflows/test.yml"
    file.parent.mkdir(parents=True)
    file.write_text(RIGHT.replace(before, after))
    return file


def test_ours_pass() -> None:
    assert workflows.check(REPO).problems == ()


def test_a_right_one_passes_and_what_is_found_is_found_by_the_whole_check(tmp_path: Path) -> None:
    assert workflows.check(made(tmp_path / "right", "v7", "v7").parents[2]).problems == ()
    wrong = made(tmp_path / "wrong", "permissions: {}", "permissions: write-all").parents[2]
    assert len(workflows.check(wrong).problems) == 1


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (PINNED, "actions/checkout@v7", "pin it by the 40 digits"),
        (" # v7.0.1", "", "write its version beside it"),
        (" # v7.0.1", " # v7", "write its version beside it"),
        ("make test", "echo ${{ secrets.AZURE_KEY }}", "uses a secret"),
        ("make test", 'echo ${{ secrets["AZURE_KEY"] }}', "uses a secret"),
    ],
)
def test_what_our_own_rules_forbid_is_found(
    tmp_path: Path, before: str, after: str, said: str
) -> None:
    (found,) = workflows.ours(made(tmp_path, before, after))
    assert said in found


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("permissions: {}", "permissions: write-all", "overly broad permissions"),
        ("on: pull_request", "on: pull_request_target", "insecure"),
        ("make test", "echo ${{ github.event.pull_request.title }}", "injection"),
        ("        with:\n          persist-credentials: false\n", "", "credential"),
        (PINNED, "actions/checkout@v7", "unpinned"),
    ],
)
def test_what_zizmor_forbids_is_found(tmp_path: Path, before: str, after: str, said: str) -> None:
    found = list(workflows.by_zizmor(made(tmp_path, before, after).parents[2]))
    assert any(said in text and text.startswith("test.yml:") for text in found), found


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("    timeout-minutes: 5\n", "", "the job needs `timeout-minutes`"),
        ("runs-on", "runs_on", "not valid"),
    ],
)
def test_what_does_not_fit_the_schemas_is_found(
    tmp_path: Path, before: str, after: str, said: str
) -> None:
    found = list(workflows.by_schemas(made(tmp_path, before, after).parents[2]))
    assert found and all("jobs.test" in text for text in found)
    assert any(said in text for text in found), found


def jobs(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text())["jobs"]
    return found


def test_nothing_is_deployed_that_ci_did_not_pass() -> None:
    deploy = jobs("deploy.yml")
    assert deploy["ci"]["uses"] == "./.github/workflows/ci.yml"
    assert deploy["deploy"]["needs"] == "ci"
    commands = " ".join(
        step.get("run", "") for job in jobs("ci.yml").values() for step in job["steps"]
    )
    for command in ("make test", "make check", "make safety ARGS=--online", "az bicep lint"):
        assert command in commands


def test_only_what_needs_azure_may_ask_for_a_token() -> None:
    asking = {
        (name, job)
        for name in ("ci.yml", "deploy.yml", "what-if.yml")
        for job, body in jobs(name).items()
        if "id-token" in body["permissions"]
    }
    assert asking == {("deploy.yml", "deploy"), ("what-if.yml", "what-if")}


def test_what_may_deploy_installs_no_package() -> None:
    """Whatever runs there has the rights to deploy."""
    for name, job in (("deploy.yml", "deploy"), ("what-if.yml", "what-if")):
        text = " ".join(step.get("run", "") for step in jobs(name)[job]["steps"])
        assert not re.search(r"\b(?:pip|npm|uv|make|bootstrap)\b", text)


def test_the_smoke_test_is_last_and_its_keys_are_masked() -> None:
    step = jobs("deploy.yml")["deploy"]["steps"][-1]
    lines = step["run"]
    assert "python3 -m checks.smoke" in lines
    for key in ("BELFRY_FUNCTION_KEY", "BELFRY_KEY"):
        assert lines.index(f'add-mask::${key}"') < lines.index(f"export {key}")


def test_parameters_and_outputs_that_workflows_name_are_those_of_the_infrastructure() -> None:
    main = (REPO / "infra/main.bicep").read_text()
    params = set(re.findall(r"^param (\w+)", main, re.MULTILINE))
    outputs = set(re.findall(r"^output (\w+)", main, re.MULTILINE))
    for name in ("deploy.yml", "what-if.yml"):
        text = (FOLDER / name).read_text()
        assert set(re.findall(r"\b(\w+)=\"\$[A-Z]+\"", text)) <= params
        assert set(re.findall(r"found\['(\w+)'\]", text)) <= outputs
    assert set(re.findall(r"found\['(\w+)'\]", (FOLDER / "deploy.yml").read_text()))
