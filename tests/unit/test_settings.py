"""Settings: wrong values are named, all at once, and secrets stay secret."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyrage
import pytest

from shared import settings
from shared.engine.commands import configured
from shared.errors import Misconfigured
from shared.notifications import channels
from shared.settings.checks import url
from shared.tasks import JobContext, Registry, Result, task
from tests.integration.notifications.vendors import DOUBLES, settings_of

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


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("VACCINATION_ALERT_THRESHOLDS", "30,two", "days from 1 to 365, with commas between"),
        ("VACCINATION_ALERT_THRESHOLDS", "30,,7", "days from 1 to 365, with commas between"),
        ("VACCINATION_ALERT_THRESHOLDS", "0", "days from 1 to 365, with commas between"),
        ("NO_SHOW_GRACE_PERIOD_MINUTES", "1441", "a whole number from 0 to 1440"),
        ("NO_SHOW_MAX_AGE_DAYS", "0", "a whole number from 1 to 3650"),
        ("REPUTATION_NO_SHOW_POINTS", "-1", "a whole number from 0 to 100"),
        ("REPUTATION_RECOVERY_DAYS", "", None),
        ("REPUTATION_RECOVERY_POINTS", "101", "a whole number from 0 to 100"),
    ],
)
def test_wrong_rules_of_the_pet_care_tasks_are_told(
    name: str, value: str, said: str | None
) -> None:
    if said is None:  # empty is as not set
        assert settings.from_env(GOOD | {name: value}).care == settings.CareSettings()
        return
    with pytest.raises(Misconfigured, match=f"{name} is '{value}'; use .*{said}"):
        settings.from_env(GOOD | {name: value})


_INSIGHTS = {
    "APPLICATIONINSIGHTS_CONNECTION_STRING": "InstrumentationKey=0f8fad5b-d9cb-469f-a165-"
    "70867728950e;IngestionEndpoint=https://westeurope-5.in.applicationinsights.azure.com/"
}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"TRACING": "yes"}, "TRACING is 'yes'; use off, azure or console"),
        ({"TRACING": "azure"}, "TRACING is 'azure', but APPLICATIONINSIGHTS_CONNECTION_STRING"),
        (
            {"TRACING": "azure", "APPLICATIONINSIGHTS_CONNECTION_STRING": "hush"},
            "APPLICATIONINSIGHTS_CONNECTION_STRING is none; use InstrumentationKey=",
        ),
        (
            {"TRACING": "azure"} | {name: f"{text};" for name, text in _INSIGHTS.items()},
            "without a semicolon at its end",
        ),
        ({"TRACING_RATIO": "2"}, "TRACING_RATIO is '2'; use a number from 0 to 1"),
        ({"TRACING_RATIO": "nan"}, "TRACING_RATIO is 'nan'; use a number from 0 to 1"),
        ({"TRACING_RATIO": "half"}, "TRACING_RATIO is 'half'; use a number from 0 to 1"),
        (
            {"APPLICATIONINSIGHTS_AUTHENTICATION_STRING": "ClientId=1"},
            "APPLICATIONINSIGHTS_AUTHENTICATION_STRING is 'ClientId=1'; use Authorization=AAD",
        ),
    ],
)
def test_what_is_wrong_with_tracing_is_told(given: dict[str, str], said: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        settings.from_env(GOOD | given)
    assert said in str(caught.value) and "hush" not in str(caught.value)


def test_tracing_is_off_unless_it_is_asked_for() -> None:
    read = settings.from_env(GOOD | {"APPLICATIONINSIGHTS_CONNECTION_STRING": "of the host"})
    assert read.tracing == settings.TracingSettings()


def test_where_traces_go_and_by_which_identity() -> None:
    sign_in = {"APPLICATIONINSIGHTS_AUTHENTICATION_STRING": "ClientId=1234;Authorization=AAD"}
    asked = {"TRACING": "azure", "TRACING_RATIO": "0", "WEBSITE_SITE_NAME": "func", **_INSIGHTS}
    by_key = settings.from_env(GOOD | asked).tracing
    assert (by_key.to, by_key.ratio, by_key.service) == ("azure", 0.0, "func")
    assert not by_key.by_identity
    as_app = settings.from_env(GOOD | asked | sign_in | {"AZURE_CLIENT_ID": "5678"}).tracing
    assert (as_app.by_identity, as_app.client_id) == (True, "1234")
    system = {"APPLICATIONINSIGHTS_AUTHENTICATION_STRING": "Authorization=AAD"}
    assert settings.from_env(GOOD | asked | system).tracing.client_id == ""


def test_thresholds_are_read_in_any_order() -> None:
    read = settings.from_env(GOOD | {"VACCINATION_ALERT_THRESHOLDS": " 7, 30,14,7"})
    assert read.care.vaccination_thresholds == (30, 14, 7)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PRICE_COMPUTE_GB_SECOND", "$26", "use a number of millionths, such as 26 or 0.036"),
        ("PRICE_TABLE_REQUESTS", "-1", "use a number of millionths"),
        ("PRICE_BLOB_REQUESTS", "1e3", "use a number of millionths"),
        ("PRICE_CURRENCY", "dollars", "three letters"),
        ("INSTANCE_MEMORY_MB", "64", "from 128 to 65536"),
    ],
)
def test_a_price_that_is_none_is_told(name: str, value: str, said: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        settings.from_env(GOOD | {name: value})
    assert str(caught.value).startswith(f"{name} is {value!r}; ") and said in str(caught.value)


def test_prices_are_read_and_may_be_nothing() -> None:
    read = settings.from_env(GOOD | {"PRICE_COMPUTE_GB_SECOND": "29.5", "PRICE_BLOB_REQUESTS": "0"})
    assert str(read.prices.gb_second) == "29.5" and read.prices.blob_requests == 0


@pytest.mark.parametrize("value", ["1", "1000"])
def test_jobs_per_instance_are_taken_up_to_their_bounds(value: str) -> None:
    read = settings.from_env(GOOD | {"JOBS_PER_INSTANCE": value})
    assert read.jobs_per_instance == int(value)


def test_notifications_are_kept_for_a_month_at_least() -> None:
    read = settings.from_env(GOOD | {"NOTIFICATION_RETENTION_DAYS": "30"})
    assert read.notification_retention.days == 30
    with pytest.raises(Misconfigured, match=r"DAYS is '29'; use .* from 30"):
        settings.from_env(GOOD | {"NOTIFICATION_RETENTION_DAYS": "29"})


@pytest.mark.parametrize(("value", "days"), [("7", 7), ("3650", 3650), ("0", None), (" ", None)])
def test_jobs_are_kept_in_the_table_for_a_week_at_least_or_for_good(
    value: str, days: int | None
) -> None:
    read = settings.from_env(GOOD | {"JOB_RETENTION_DAYS": value}).job_retention
    assert (read and read.days) == days


@pytest.mark.parametrize("value", ["6", "-1", "3651", "ninety"])
def test_another_retention_of_jobs_is_refused(value: str) -> None:
    with pytest.raises(Misconfigured, match=rf"DAYS is {value!r}; use .* from 7 to 3650, or 0"):
        settings.from_env(GOOD | {"JOB_RETENTION_DAYS": value})


def test_no_setting_is_in_the_table_twice() -> None:
    names = [item.name for item in settings.SETTINGS]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("value", ["0", "500"])
def test_jobs_per_project_are_taken_up_to_their_bounds(value: str) -> None:
    assert settings.from_env(GOOD | {"JOBS_PER_PROJECT": value}).jobs_per_project == int(value)


def test_defaults_are_those_of_the_table() -> None:
    read, table = settings.from_env(GOOD), {item.name: item.default for item in settings.SETTINGS}
    assert str(read.jobs_per_instance) == table["JOBS_PER_INSTANCE"]
    assert str(read.long_jobs_per_instance) == table["LONG_JOBS_PER_INSTANCE"]
    assert str(read.jobs_per_project) == table["JOBS_PER_PROJECT"]
    assert read.job_retention is not None
    assert str(read.job_retention.days) == table["JOB_RETENTION_DAYS"]
    assert str(read.schedule_shards) == table["SCHEDULE_SHARDS"]
    assert str(int(read.job_lease.total_seconds())) == table["JOB_LEASE_SECONDS"]
    assert read.care == settings.CareSettings() and read.task_timezone == table["TASK_TIMEZONE"]
    assert read.prices == settings.Prices()
    assert str(read.notification_retention.days) == table["NOTIFICATION_RETENTION_DAYS"]


def test_no_secret_shows_itself() -> None:
    read = settings.from_env(GOOD | {"POSTGRES_URL": "postgresql://u:pa55@h/d"})
    assert "hush" not in repr(read) and "pa55" not in f"{read}"
    assert read.postgres_url.reveal().endswith("@h/d")


SEALING = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


def test_keys_for_secrets_are_taken_one_or_several() -> None:
    for given in (SEALING, f"{SEALING}, {SEALING[:-2]}0=", SEALING.replace("A", "-")):
        assert settings.from_env(GOOD | {"SECRETS_KEY": given}).secrets.key.reveal() == given
    vault = "https://kv-x.vault.azure.net"
    for given in (vault, f"{vault}/"):
        read = settings.from_env(GOOD | {"SECRETS_VAULT_URL": given, "AZURE_CLIENT_ID": "c"})
        assert (read.secrets.vault_url, read.secrets.client_id) == (vault, "c")


@pytest.mark.parametrize(
    ("name", "wrong", "said"),
    [
        ("SECRETS_KEY", "hush", "use 32 random bytes in base64"),
        ("SECRETS_KEY", f"{SEALING},hush", "use 32 random bytes in base64"),
        ("SECRETS_KEY", SEALING[4:], "use 32 random bytes in base64"),
        ("SECRETS_KEY", ",", "it has no key in it"),
        ("SECRETS_VAULT_URL", "http://kv-x.vault.azure.net", "use the URL of a Key Vault"),
        ("SECRETS_VAULT_URL", "https://u:p@kv-x.vault.azure.net", "use the URL of a Key Vault"),
        ("SECRETS_VAULT_URL", "https://kv-x.vault.azure.net/secrets/x", "use the URL of a Key"),
    ],
)
def test_other_keys_and_vaults_are_not(name: str, wrong: str, said: str) -> None:
    with pytest.raises(Misconfigured, match=said) as raised:
        settings.from_env(GOOD | {name: wrong})
    assert name in str(raised.value) and "hush" not in str(raised.value)
    assert SEALING not in str(raised.value)


def key() -> str:
    return str(pyrage.x25519.Identity.generate())


def test_keys_of_age_are_taken() -> None:
    for given in (key(), f"{key()}, {key().lower()}"):
        read = settings.from_env(GOOD | {"BACKUP_ENCRYPTION_KEY": given})
        assert read.backup_encryption_key.reveal() == given
    assert not settings.from_env(GOOD).backup_encryption_key


def _mistyped(key: str) -> str:
    return key[:40] + ("P" if key[40] == "Q" else "Q") + key[41:]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: "nonsense", "key 1 is not a secret key of age"),
        (lambda: key()[:-1], "key 1 is not a secret key of age"),
        (lambda: _mistyped(key()), "key 1 is not a secret key of age"),
        (lambda: key()[:30] + key()[30:].lower(), "key 1 is not a secret key of age"),
        (lambda: f"{key()},{_mistyped(key())}", "key 2 is not a secret key of age"),
        (lambda: str(pyrage.x25519.Identity.generate().to_public()), "key 1 is not a secret key"),
        (lambda: ",", "has no key in it"),
    ],
    ids=["nonsense", "short", "mistyped", "mixed", "second", "public", "none"],
)
def test_what_is_no_key_of_age_is_told_with_all_else_and_not_shown(
    wrong: Callable[[], str], said: str
) -> None:
    value = wrong()
    with pytest.raises(Misconfigured) as caught:
        settings.from_env({"BACKUP_ENCRYPTION_KEY": value})
    text = str(caught.value)
    assert f"BACKUP_ENCRYPTION_KEY: {said}" in text or f"BACKUP_ENCRYPTION_KEY {said}" in text
    assert "AzureWebJobsStorage is not set" in text
    assert not any(part in text for part in value.split(",") if part)


def test_a_vaults_reference_is_told_once() -> None:
    reference = "@Microsoft.KeyVault(VaultName=v;SecretName=s)"
    with pytest.raises(Misconfigured) as caught:
        settings.from_env(GOOD | {"BACKUP_ENCRYPTION_KEY": reference})
    assert str(caught.value).count("BACKUP_ENCRYPTION_KEY") == 1


def test_reading_settings_imports_no_pyrage() -> None:
    """It is what a cold start pays for."""
    code = (
        "import sys; from shared import settings; "
        f"settings.from_env({GOOD | {'BACKUP_ENCRYPTION_KEY': key()}!r}); "
        "assert 'pyrage' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_tasks_time_comes_from_its_own_settings() -> None:
    read = settings.from_env(GOOD | {"POSTGRES_BACKUP_SCHEDULE": "30 4 * * *"})
    assert read.override("postgres_backup").cron == "30 4 * * *"
    assert read.override("database_backup") == settings.TaskOverride()


def test_enabled_is_true_or_false() -> None:
    read = settings.from_env(GOOD | {"POSTGRES_BACKUP_ENABLED": "yes"})
    with pytest.raises(Misconfigured, match="POSTGRES_BACKUP_ENABLED"):
        read.override("postgres_backup")


CHANNELS = channels.declared()
WAYS = settings_of(DOUBLES, "https://example.com")


def test_the_channels_to_people_are_read_and_no_secret_of_theirs_shows_itself() -> None:
    read = settings.from_env(GOOD | WAYS, channels=CHANNELS)
    values = {name: value.reveal() for of in read.channels.values() for name, value in of.items()}
    defaults = {one.name: one.default for of in CHANNELS.values() for one in of if one.default}
    assert values == defaults | WAYS
    assert [name for name, one in DOUBLES.items() if one.secret in repr(read)] == []


TOGETHER = [
    [one.name for one in of if not one.default and not one.optional] for of in CHANNELS.values()
]


@pytest.mark.parametrize(
    ("missing", "together"),
    [(name, names) for names in TOGETHER if len(names) > 1 for name in names],
)
def test_a_channel_that_is_set_up_in_part_is_told_with_what_is_missing(
    missing: str, together: list[str]
) -> None:
    other = next(name for name in together if name != missing)
    with pytest.raises(Misconfigured) as caught:
        given = {name: value for name, value in WAYS.items() if name != missing}
        settings.from_env(GOOD | given, channels=CHANNELS)
    assert str(caught.value) == (
        f"{other} is set, but {missing} is not; set all of {', '.join(together)}, or none of them"
    )


def test_of_three_settings_each_that_is_missing_is_told() -> None:
    three = {"chat": [settings.Setting(name, "", "") for name in ("A", "B", "C")]}
    with pytest.raises(Misconfigured) as caught:
        settings.from_env(GOOD | {"B": "x"}, channels=three)
    assert str(caught.value) == "; ".join(
        f"B is set, but {one} is not; set all of A, B, C, or none of them" for one in ("A", "C")
    )


URLS = [one.name for of in CHANNELS.values() for one in of if one.check is url and one.secret]


@pytest.mark.parametrize("name", URLS)
@pytest.mark.parametrize(
    "value", ["hooks.example/hush", "ftp://x/hush", "https:///hush", "http://"]
)
def test_what_is_no_url_is_told_without_showing_it(name: str, value: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        settings.from_env(GOOD | {name: value}, channels=CHANNELS)
    assert str(caught.value) == f"{name} is ***; use a URL that begins with https://"


@pytest.mark.parametrize("value", ["belfry", "@example.com", "a@b c"])
def test_a_sender_is_an_address(value: str) -> None:
    with pytest.raises(Misconfigured, match=r"MAIL_FROM is .*; use an e-mail address"):
        settings.from_env(GOOD | WAYS | {"MAIL_FROM": value}, channels=CHANNELS)


@pytest.mark.parametrize(
    ("values", "meant"),
    [
        ({}, ""),
        ({"DATABASE_PATH": ".local/company.db"}, "sqlite:///.local/company.db"),
        ({"DATABASE_PATH": "/data/company.db"}, "sqlite:////data/company.db"),
        ({"DATABASE_PATH": "100% ours?.db"}, "sqlite:///100%25%20ours%3F.db"),
        ({"DATABASE_PATH": "x.db", "DATABASE_URL": "postgresql://h/d"}, "postgresql://h/d"),
    ],
)
def test_the_companys_database_is_the_one_at_database_path_unless_said(
    values: dict[str, str], meant: str
) -> None:
    assert settings.from_env(GOOD | values).database_url == settings.Secret(meant)


def nothing(job: JobContext) -> Result:
    """Of which tasks are made."""
    raise NotImplementedError


TASKS = [
    task(name, cron="0 3 * * *", aliases=aliases)(nothing)
    for name, aliases in (("postgres_backup", ("pg_dump",)), ("cleanup", ()))
]


def test_what_is_wrong_with_tasks_is_told_with_all_else() -> None:
    wrong = {
        "JOBS_PER_PROJECT": "-3",
        "POSTGRES_BACKUP_SCHEDULE": "nonsense",
        "POSTGRES_BACKUP_TIMEZONE": "Mars/Olympus",
        "POSTGRES_BACKUP_ENABLED": "yes",
        "CLEANUP_SCHEDULE": "*/99 * * * *",
    }
    with pytest.raises(Misconfigured) as caught:
        settings.from_env(wrong, lambda read: configured.problems(TASKS, read))
    assert "AzureWebJobsStorage is not set" in str(caught.value)
    assert "CLEANUP_SCHEDULE: minute '*/99': a step of 99" in str(caught.value)
    for name in wrong:
        assert str(caught.value).count(name) == 1


LOCAL = task("evening", cron="0 18 * * *", local_time=True)(nothing)


@pytest.mark.parametrize(
    ("environ", "zone"),
    [
        ({}, "UTC"),
        ({"TASK_TIMEZONE": "America/New_York"}, "America/New_York"),
        ({"TASK_TIMEZONE": "Asia/Tokyo", "EVENING_TIMEZONE": "Europe/Berlin"}, "Europe/Berlin"),
        ({"TASK_TIMEZONE": "Asia/Tokyo", "EVENING_SCHEDULE": "0 9 * * *"}, "Asia/Tokyo"),
    ],
)
def test_tasks_of_local_time_run_in_the_zone_of_the_settings(
    environ: dict[str, str], zone: str
) -> None:
    for read in (settings.from_env(GOOD | environ), settings.for_triggers(environ)):
        found = configured.recurrence(LOCAL, read)
        assert found is not None and found.timezone == zone
        other = configured.recurrence(TASKS[0], read)
        assert other is not None and other.timezone == "UTC", "the others do not follow it"
        assert read.local_zone("evening") == zone


def test_a_wrong_zone_of_tasks_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    environ = GOOD | {"TASK_TIMEZONE": "Mars/Olympus"}
    said = "TASK_TIMEZONE: there is no zone 'Mars/Olympus'"
    with pytest.raises(Misconfigured, match=said) as caught:
        settings.from_env(environ, lambda read: configured.problems([*TASKS, LOCAL], read))
    assert str(caught.value).count("TASK_TIMEZONE") == 1
    read = settings.for_triggers(environ)
    with pytest.raises(Misconfigured, match=said):
        configured.recurrence(LOCAL, read)
    configured.warn_of_strangers(Registry([*TASKS, LOCAL]), read)
    assert caplog.records == []


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
    configured.warn_of_strangers(Registry(TASKS), read)
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
    configured.warn_of_strangers(Registry(TASKS), settings.from_env(GOOD | {variable: "true"}))
    assert caplog.records == []


def every_setting() -> list[settings.Setting]:
    """Those of the table, and those that each channel declares."""
    return [*settings.SETTINGS, *(one for of in CHANNELS.values() for one in of)]


@pytest.mark.parametrize("name", [one.name for one in every_setting() if one.secret])
def test_what_is_declared_as_a_secret_is_shown_neither_right_nor_wrong(name: str) -> None:
    for value in ("https://x/hush", "hush"):
        try:
            shown = repr(settings.from_env(GOOD | WAYS | {name: value}, channels=CHANNELS))
        except Misconfigured as error:
            shown = str(error)
        assert "hush" not in shown


def test_the_example_file_has_known_settings_only() -> None:
    example = json.loads(Path("local.settings.json.example").read_text())["Values"]
    hosts = ("FUNCTIONS_", "PYTHON_", "MALLOC_", "AzureWebJobsDisable", "AzureFunctionsJobHost")
    ours = {name for name in example if not name.startswith(hosts)}
    assert ours <= {item.name for item in every_setting()}


def test_only_one_file_knows_this_processs_environment() -> None:
    readers = [
        path.name for path in Path("shared").rglob("*.py") if "os.environ" in path.read_text()
    ]
    assert readers == ["process.py"]


def test_every_setting_is_documented() -> None:
    page = Path("docs/settings.md").read_text()
    rows = [
        f"| `{one.name}` | {one.default and f'`{one.default}`'} | {one.meaning} |"
        for one in every_setting()
    ]
    missing = "\n".join(row for row in rows if row not in page)
    assert not missing, f"add to docs/settings.md:\n{missing}"


def test_every_setting_is_read() -> None:
    """Those of a channel are read together, by `_set_up`."""
    files = [file for file in Path("shared/settings").glob("*.py") if file.name != "table.py"]
    code = "".join(file.read_text() for file in files)
    unread = [one.name for one in settings.SETTINGS if f'"{one.name}"' not in code]
    assert not unread, f"shared/settings/reading.py does not read {', '.join(unread)}"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"STRIPE_API_KEY": "pk_live_51hush"}, "STRIPE_API_KEY is no secret key of Stripe; use"),
        ({"STRIPE_URL": "api.stripe.com"}, "STRIPE_URL is 'api.stripe.com'; "),
        ({"STRIPE_PAUSED_INVOICES": "delete"}, "STRIPE_PAUSED_INVOICES is 'delete'; use one of"),
    ],
)
def test_wrong_settings_of_stripe_are_told_with_what_would_be_right(
    given: dict[str, str], said: str
) -> None:
    database = {"DATABASE_PATH": "x.db"}
    for read in (settings.from_env, settings.for_billing):
        with pytest.raises(Misconfigured) as caught:
            read(GOOD | database | given)
        assert said in str(caught.value) and "hush" not in str(caught.value)


def test_the_billing_is_read_without_a_storage_account() -> None:
    read = settings.for_billing({"DATABASE_PATH": "x.db", "STRIPE_API_KEY": "rk_live_hush"})
    assert read.stripe.api_key.reveal() == "rk_live_hush" and "hush" not in repr(read)
    assert (read.prefix, read.stripe.paused_invoices) == ("belfry", "void")


@pytest.mark.parametrize(
    ("region", "said"), [("UK", "did you mean GB"), ("gb", "did you mean GB"), ("ZZ", "such as US")]
)
def test_a_region_that_is_none_is_told_at_the_start(region: str, said: str) -> None:
    with pytest.raises(Misconfigured, match=f"SMS_DEFAULT_REGION is '{region}'.*{said}"):
        settings.from_env(GOOD | {"SMS_DEFAULT_REGION": region})


def test_to_apply_needs_an_app() -> None:
    with pytest.raises(Misconfigured, match="SCALING is 'apply', but SCALING_SITE is not set"):
        settings.from_env(GOOD | {"SCALING": "apply"})
    site = "/subscriptions/0f-1/resourceGroups/rg-x/providers/Microsoft.Web/sites/func-x"
    with pytest.raises(Misconfigured, match="SCALING_SITE is not this app \\(other\\)"):
        settings.from_env(
            GOOD | {"SCALING": "apply", "SCALING_SITE": site, "WEBSITE_SITE_NAME": "other"}
        )
    own = site.rpartition("/")[2].upper()
    read = settings.from_env(
        GOOD | {"SCALING": "apply", "SCALING_SITE": site, "WEBSITE_SITE_NAME": own}
    )
    assert (read.scaling.mode, read.scaling.site) == ("apply", site)
    assert settings.from_env(GOOD).scaling == settings.ScalingSettings()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SCALING", "yes", "use off, recommend or apply"),
        ("SCALING_SITE", "func-x", "use the app's resource id, such as /subscriptions/"),
        ("SCALING_ALWAYS_READY", "2", "two whole numbers from 0 to 100, the lower one first"),
        ("SCALING_ALWAYS_READY", "2-0", "two whole numbers from 0 to 100, the lower one first"),
        ("SCALING_INSTANCES", "0-10", "two whole numbers from 1 to 1000"),
        ("SCALING_INSTANCES", "40-1001", "two whole numbers from 1 to 1000"),
        ("SCALING_HTTP_CONCURRENCY", "many", "two whole numbers from 1 to 1000"),
    ],
)
def test_wrong_settings_of_the_scaling_are_told(name: str, value: str, said: str) -> None:
    with pytest.raises(Misconfigured, match=f"{name} is '{value}'; use .*") as caught:
        settings.from_env(GOOD | {name: value})
    assert said in str(caught.value)
