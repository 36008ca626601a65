"""The infrastructure keeps what it promises."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from checks.infra import Infra, Promise, promises, read
from checks.infra.names import ENVIRONMENTS, named
from checks.infra.roles import BUILT_IN, NEEDED, SCALING
from checks.infra.settings import NOT_IN_AZURE, declared
from shared.scaling.site import RIGHTS

ROOT = Path(__file__).parents[4]
PROMISES = promises(ROOT)


@pytest.fixture(scope="module")
def infra() -> Infra:
    return read(ROOT)


@pytest.mark.parametrize("promise", PROMISES, ids=[one.words for one in PROMISES])
def test_it_is_kept(promise: Promise, infra: Infra) -> None:
    assert [str(one) for one in promise.broken_by(infra)] == []


def test_bicep_finds_nothing(infra: Infra) -> None:
    assert infra.program.problems == ()


def test_names_are_put_together_as_azure_does(infra: Infra) -> None:
    found = {one.name for one in named(infra, "production")}
    assert {"rg-production", "stbelfrya1b2c3d4e5f6g", "stoffsitea1b2c3d4e5f6g", "backups"} <= found


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=["shortest", "longest"])
def test_no_name_of_an_account_or_vault_is_left_unknown(environment: str, infra: Infra) -> None:
    kinds = {
        "Microsoft.Storage/storageAccounts",
        "Microsoft.KeyVault/vaults",
        "Microsoft.Web/sites",
    }
    found = [one for one in named(infra, environment) if one.resource.type in kinds]
    assert len(found) == 6 and all(one.name for one in found)


def test_each_role_is_needed_by_something_that_is_there() -> None:
    assert [one for one in NEEDED if not (ROOT / one.by).exists()] == []


def test_the_page_names_each_role_and_only_outputs_that_there_are(infra: Infra) -> None:
    page = " ".join((ROOT / "docs" / "deploy.md").read_text().split())
    assert [one.role for one in NEEDED if one.role in BUILT_IN and one.role not in page] == []
    used = set(re.findall(r"\$\{?((?:AZURE|BELFRY)_\w+)", page))
    ours = {"AZURE_ENV_NAME", "BELFRY_KEY"}  # azd's; the reader's own
    assert used - ours <= set(infra.main.outputs)


def test_the_custom_role_is_what_the_scaling_task_asks_for() -> None:
    assert " and ".join(SCALING) + " on the app" == RIGHTS


def test_what_azure_does_not_need_is_a_setting() -> None:
    assert set(NOT_IN_AZURE) <= set(declared())


def test_azure_yaml_leads_to_the_infrastructure() -> None:
    said = yaml.safe_load((ROOT / "azure.yaml").read_text())
    assert (ROOT / said["infra"]["path"] / f"{said['infra']['module']}.bicep").is_file()
    for service in said["services"].values():
        assert (ROOT / service["project"] / "host.json").is_file()
        assert (service["host"], service["language"]) == ("function", "python")
    assert "hooks" not in said
