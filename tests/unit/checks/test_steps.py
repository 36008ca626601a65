"""What the shell steps of the workflows do with what `az` answers. Here `az` is a script: the real
one needs Azure."""

from __future__ import annotations

import itertools
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

REPO = Path(__file__).parents[3]
OUTPUTS = """{"azurE_RESOURCE_GROUP": {"type": "String", "value": "rg-x"},
 "AZURE_FUNCTION_NAME": {"value": "func-x"}, "BELFRY_URL": {"value": "https://func-x.example"},
 "BELFRY_VAULT_NAME": {"value": "kv-x"}}"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    program(tmp_path, "sleep", "true")
    return tmp_path


def program(folder: Path, name: str, script: str) -> None:
    """A program that records how it is called, and then runs the script."""
    file = folder / name
    file.write_text(f'#!/bin/sh\necho "{name} $*" >>"{folder}/calls"\n{script}\n')
    file.chmod(0o755)


def run(folder: Path, workflow: str, job: str, step: str) -> subprocess.CompletedProcess[str]:
    """The step, as GitHub runs it (`shell: bash`)."""
    found: dict[str, Any] = yaml.safe_load((REPO / f".github/workflows/{workflow}").read_text())
    (script,) = (one["run"] for one in found["jobs"][job]["steps"] if one.get("name") == step)
    values = {"ENVIRONMENT": "production", "LOCATION": "westeurope", "GROUP": "rg-x"}
    files = {"GITHUB_OUTPUT": folder / "output", "GITHUB_STEP_SUMMARY": folder / "summary"}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env={"PATH": f"{folder}:{os.environ['PATH']}", "RUNNER_TEMP": str(folder)}
        | values
        | {"APP": "func-x", "OPERATOR": "", "SECRET": "", "URL": "https://func-x.example"}
        | {name: str(file) for name, file in files.items()},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_outputs_of_the_infrastructure_are_read_whatever_their_case(folder: Path) -> None:
    program(folder, "az", f"cat <<'END'\n{OUTPUTS}\nEND")
    assert run(folder, "deploy.yml", "deploy", "Infrastructure").returncode == 0
    lines = (folder / "output").read_text().splitlines()
    assert lines == ["group=rg-x", "app=func-x", "url=https://func-x.example", "vault=kv-x"]


def test_a_deployment_that_fails_ends_the_job(folder: Path) -> None:
    program(folder, "az", "exit 1")
    assert run(folder, "deploy.yml", "deploy", "Infrastructure").returncode != 0


@pytest.mark.parametrize(("failures", "ends"), [(0, 0), (2, 0), (4, 1)])
def test_the_app_is_deployed_again_until_its_roles_count(
    folder: Path, failures: int, ends: int
) -> None:
    program(folder, "az", f'[ "$(grep -c ^az "{folder}/calls")" -gt {failures} ]')
    done = run(folder, "deploy.yml", "deploy", "App")
    assert done.returncode == ends
    calls = (folder / "calls").read_text()
    assert calls.count("az functionapp deployment source config-zip") == min(failures + 1, 4)
    assert calls.count("sleep 120") == min(failures, 3)


@pytest.mark.parametrize(("failures", "ends"), [(0, 0), (4, 0), (5, 1)])
def test_the_smoke_test_waits_until_the_host_has_started(
    folder: Path, failures: int, ends: int
) -> None:
    program(folder, "az", f'[ "$(grep -c ^az "{folder}/calls")" -gt {failures} ] && echo key')
    program(folder, "python3", '[ "$BELFRY_FUNCTION_KEY" = key ]')
    done = run(folder, "deploy.yml", "deploy", "Smoke test")
    assert done.returncode == ends
    calls = (folder / "calls").read_text()
    assert calls.count("az functionapp keys list") == min(failures + 1, 5)
    assert calls.count("python3 -m checks.smoke") == (1 if ends == 0 else 0)


def test_each_step_that_asks_the_vault_comes_right_after_a_sign_in() -> None:
    """GitHub's token counts for five minutes (Azure/login #372); the steps before take longer."""
    for workflow in sorted((REPO / ".github/workflows").glob("*.yml")):
        for job in yaml.safe_load(workflow.read_text())["jobs"].values():
            steps = job.get("steps", [])
            for before, step in itertools.pairwise(steps):
                if "az keyvault secret" in step.get("run", ""):
                    assert before.get("uses", "").startswith("azure/login@"), workflow.name


@pytest.mark.parametrize(
    ("workflow", "job", "step"),
    [("deploy.yml", "deploy", "Infrastructure"), ("what-if.yml", "what-if", "What-if")],
)
def test_each_environment_has_a_deployment_of_its_own_name(
    workflow: str, job: str, step: str, folder: Path
) -> None:
    """Azure refuses a name that a deployment has in another region (InvalidDeploymentLocation)."""
    program(folder, "az", f"cat <<'END'\n{OUTPUTS}\nEND")
    assert run(folder, workflow, job, step).returncode == 0
    assert "--name belfry-production " in (folder / "calls").read_text()


@pytest.mark.parametrize("code", [0, 1])
def test_a_what_if_is_shown_and_fails_if_azure_refuses(folder: Path, code: int) -> None:
    program(folder, "az", f"echo '+ Create'; exit {code}")
    done = run(folder, "what-if.yml", "what-if", "What-if")
    assert done.returncode == code and "+ Create" in done.stdout
    assert (folder / "summary").exists() is (code == 0)


@pytest.mark.parametrize(
    ("said", "passes"),
    [("", True), ("main.bicep(3,7) : Warning no-unused-params: Parameter is unused", False)],
)
def test_a_warning_of_bicep_fails(folder: Path, said: str, passes: bool) -> None:
    program(folder, "az", f"echo '{said}' >&2")
    done = run(folder, "ci.yml", "bicep", "Lint; a warning fails, too")
    assert (done.returncode == 0) is passes
