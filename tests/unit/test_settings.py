"""Settings: wrong values are named, all at once, and secrets stay secret."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared import settings
from shared.engine import builtin
from shared.errors import Misconfigured
from shared.tasks import Registry, task

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


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("JOBS_PER_INSTANCE", "0", "from 1 to 1000"),
        ("JOBS_PER_INSTANCE", "1001", "from 1 to 1000"),
        ("JOBS_PER_INSTANCE", "some", "from 1 to 1000"),
        ("JOBS_PER_INSTANCE", "8.5", "from 1 to 1000"),
        ("JOBS_PER_PROJECT", "-1", "from 0 to 500"),
        ("JOBS_PER_PROJECT", "501", "from 0 to 500"),
        ("JOBS_PER_PROJECT", "\u0665", "from 0 to 500"),
    ],
)
def test_a_number_out_of_its_bounds_is_told_with_them(name: str, value: str, said: str) -> None:
    with pytest.raises(Misconfigured, match=f"{name} is {value!r}; use a whole number {said}"):
        settings.from_env(GOOD | {name: value})


@pytest.mark.parametrize("value", ["1", "1000"])
def test_jobs_per_instance_are_taken_up_to_their_bounds(value: str) -> None:
    read = settings.from_env(GOOD | {"JOBS_PER_INSTANCE": value})
    assert read.jobs_per_instance == int(value)


@pytest.mark.parametrize("value", ["0", "500"])
def test_jobs_per_project_are_taken_up_to_their_bounds(value: str) -> None:
    assert settings.from_env(GOOD | {"JOBS_PER_PROJECT": value}).jobs_per_project == int(value)


def test_defaults_are_those_of_the_table() -> None:
    read, table = settings.from_env(GOOD), {item.name: item.default for item in settings.SETTINGS}
    assert str(read.jobs_per_instance) == table["JOBS_PER_INSTANCE"]
    assert str(read.jobs_per_project) == table["JOBS_PER_PROJECT"]
    assert str(read.schedule_shards) == table["SCHEDULE_SHARDS"]
    assert str(int(read.job_lease.total_seconds())) == table["JOB_LEASE_SECONDS"]


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


TASKS = [
    task(name, cron="0 3 * * *", aliases=aliases)(lambda _job, _params: {})
    for name, aliases in (("postgres_backup", ("pg_dump",)), ("cleanup", ()))
]


def test_what_is_wrong_with_tasks_is_told_with_all_else() -> None:
    wrong = {
        "JOBS_PER_PROJECT": "-3",
        "POSTGRES_BACKUP_SCHEDULE": "nonsense",
        "POSTGRES_BACKUP_TIMEZONE": "Mars/Olympus",
        "POSTGRES_BACKUP_ENABLED": "yes",
        "CLEANUP_SCHEDULE": "99 * * * *",
    }
    with pytest.raises(Misconfigured) as caught:
        settings.from_env(wrong, lambda read: builtin.problems(TASKS, read))
    assert "AzureWebJobsStorage is not set" in str(caught.value)
    for name in wrong:
        assert str(caught.value).count(name) == 1


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("POSTGRES_BACKUPS_ENABLED", "POSTGRES_BACKUP_ENABLED"),
        ("POSTGRESS_BACKUP_SCHEDULE", "POSTGRES_BACKUP_SCHEDULE"),
        ("postgres_backup_TIMEZONE", "POSTGRES_BACKUP_TIMEZONE"),
        ("PG_DUMP_SCHEDULE", "POSTGRES_BACKUP_SCHEDULE"),
    ],
)
def test_a_variable_that_is_nearly_a_tasks_is_warned_of(
    variable: str, meant: str, caplog: pytest.LogCaptureFixture
) -> None:
    read = settings.from_env(GOOD | {variable: "true"})
    builtin.warn_of_strangers(Registry(TASKS), read)
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    said = f"setting_unknown setting={variable} did_you_mean={meant}"
    assert record.getMessage() == said


@pytest.mark.parametrize(
    "variable",
    ["POSTGRES_BACKUP_ENABLED", "OTEL_ENABLED", "FOO_SCHEDULE", "POSTGRES_ENABLED", "_SCHEDULE"],
)
def test_of_a_tasks_own_and_of_others_variables_there_is_no_warning(
    variable: str, caplog: pytest.LogCaptureFixture
) -> None:
    builtin.warn_of_strangers(Registry(TASKS), settings.from_env(GOOD | {variable: "true"}))
    assert caplog.records == []


def test_the_example_file_has_known_settings_only() -> None:
    example = json.loads(Path("local.settings.json.example").read_text())["Values"]
    hosts = ("FUNCTIONS_", "PYTHON_", "AzureWebJobsDisable", "AzureFunctionsJobHost")
    ours = {name for name in example if not name.startswith(hosts)}
    assert ours <= {item.name for item in settings.SETTINGS}


def test_every_setting_is_documented() -> None:
    page = Path("docs/settings.md").read_text()
    for item in settings.SETTINGS:
        assert f"| `{item.name}` |" in page and item.meaning in page
