"""Settings: wrong values are named, all at once, and secrets stay secret."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared import settings
from shared.errors import Misconfigured

GOOD = {"AzureWebJobsStorage": "AccountName=x;AccountKey=hush"}


def test_all_problems_are_told_at_once() -> None:
    wrong = {
        "SCHEDULE_SHARDS": "many",
        "BELFRY_PREFIX": "Not-Good",
        "POSTGRES_URL": "@Microsoft.KeyVault(VaultName=v;SecretName=s)",
    }
    with pytest.raises(Misconfigured) as caught:
        settings.from_env(wrong)
    text = str(caught.value)
    for word in ("AzureWebJobsStorage is not set", "SCHEDULE_SHARDS", "BELFRY_PREFIX", "Key Vault"):
        assert word in text


def test_no_secret_shows_itself() -> None:
    read = settings.from_env(GOOD | {"POSTGRES_URL": "postgresql://u:pa55@h/d"})
    assert "hush" not in repr(read) and "pa55" not in f"{read}"
    assert read.postgres_url.reveal().endswith("@h/d")


def test_a_tasks_time_comes_from_its_own_settings() -> None:
    read = settings.from_env(GOOD | {"POSTGRES_BACKUP_SCHEDULE": "30 4 * * *"})
    assert read.override("postgres_backup").cron == "30 4 * * *"
    assert read.override("database_backup") == settings.TaskOverride()


def test_enabled_is_true_or_false() -> None:
    read = settings.from_env(GOOD | {"POSTGRES_BACKUP_ENABLED": "yes"})
    with pytest.raises(Misconfigured, match="POSTGRES_BACKUP_ENABLED"):
        read.override("postgres_backup")


def test_the_example_file_has_known_settings_only() -> None:
    example = json.loads(Path("local.settings.json.example").read_text())["Values"]
    hosts = ("FUNCTIONS_", "AzureWebJobsDisable", "AzureFunctionsJobHost")
    ours = {name for name in example if not name.startswith(hosts)}
    assert ours <= {item.name for item in settings.SETTINGS}


def test_every_setting_is_documented() -> None:
    page = Path("docs/settings.md").read_text()
    for item in settings.SETTINGS:
        assert f"| `{item.name}` |" in page and item.meaning in page
