"""The settings as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Literal

from shared.errors import Misconfigured
from shared.settings.secret import UNSET, Secret
from shared.settings.table import task_settings

StorageService = Literal["blob", "queue", "table"]
"""A service of a storage account, as its URLs name it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StorageAccount:
    """How to reach a storage account: a connection string, or its name and an identity."""

    connection_string: Secret
    account_name: str = ""
    """For an identity; a connection string has a name in it."""
    client_id: str = ""
    """The client id of the user-assigned identity; empty for the system-assigned one."""
    developer: bool = False
    """Whether the identity is that of the person at this machine, who signed in (`az login`)."""
    blob_url: str = ""
    """Where the service answers an identity, without a slash at its end. If it is empty, where
    Azure's public cloud has the account of that name."""
    queue_url: str = ""
    table_url: str = ""

    @property
    def is_given(self) -> bool:
        """Whether any account is."""
        return bool(self.connection_string.reveal() or self.account_name)

    def url(self, service: StorageService) -> str:
        """Where a service of an account without connection string answers."""
        given = {"blob": self.blob_url, "queue": self.queue_url, "table": self.table_url}
        return given[service] or f"https://{self.account_name}.{service}.core.windows.net"


Values = Mapping[str, Secret]
"""The values of settings that a part declares itself, by their names."""

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
    service_account: Secret = UNSET
    url: str = "https://www.googleapis.com"


_NO_DRIVE = DriveSettings()


@dataclass(frozen=True, kw_only=True, slots=True)
class StorageSettings:
    """The storage account, and the first part of the names in it."""

    account: StorageAccount
    prefix: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DataSettings:
    """The company's database, which needs no storage account."""

    url: Secret
    names: Path | None
    """The file that says what its tables and columns are called."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StripeSettings:
    """How to reach Stripe; without a key nobody asks it."""

    api_key: Secret = UNSET
    url: str = "https://api.stripe.com"
    paused_invoices: str = "void"
    """The `behavior` of Stripe's `pause_collection`."""


_NO_STRIPE = StripeSettings()


@dataclass(frozen=True, kw_only=True, slots=True)
class BillingSettings:
    """What the billing needs, which is no storage account; but where one is set, the audit is told
    of a person's commands there."""

    data: DataSettings
    stripe: StripeSettings
    prefix: str
    fee_max_age: timedelta = timedelta(days=7)
    """A no-show fee that was made longer ago is not invoiced by itself."""
    storage: StorageAccount | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CareSettings:
    """The rules of the pet-care tasks."""

    vaccination_thresholds: tuple[int, ...] = (30, 14, 7)
    """Days before a vaccination expires, most first (P1)."""
    no_show_grace: timedelta = timedelta(minutes=15)
    """Of tenants that have none of their own (P3)."""
    no_show_max_age: timedelta = timedelta(days=7)
    """An appointment that began longer ago is not charged any more."""
    no_show_points: int = 10
    """Points that an owner loses for each no-show."""
    recovery_days: int = 90
    """For so many days an owner must have behaved well to get points back (P6)."""
    recovery_points: int = 5


_CARE = CareSettings()


@dataclass(frozen=True, kw_only=True, slots=True)
class Prices:
    """What Azure charges, in millionths of a currency: list prices, unless settings say others."""

    gb_second: Decimal = Decimal(26)
    table_requests: Decimal = Decimal(360)
    """For ten thousand."""
    blob_requests: Decimal = Decimal(50_000)
    """For ten thousand."""
    transfer_gb: Decimal = Decimal(87_000)
    """For a GB (10^9 bytes) to or from places that customers chose."""
    currency: str = "USD"
    memory_mb: int = 2048
    """Of an instance."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SmsSettings:
    """The rules for text messages to owners (P9, P11)."""

    enabled: bool = True
    default_region: str = "US"
    """The country of phone numbers without +."""
    hours: tuple[int, int] = (540, 1200)
    """When texts may go, in minutes since midnight."""
    per_second: int = 10
    """Segments; 0: any number."""
    daily_limit: int = 5000
    """Messages for all tenants together; 0: any number."""
    daily_spend_minor: int = 5000
    """The same in minor units of `currency`."""
    segment_micros: int = 7900
    """What a segment costs, in millionths of `currency`, until the provider says."""
    currency: str = "USD"


_SMS = SmsSettings()


@dataclass(frozen=True, kw_only=True, slots=True)
class HeartbeatSettings:
    """Belfry's own heartbeat, and where heartbeats may go."""

    url: Secret = UNSET
    interval: timedelta = timedelta(seconds=60)
    hosts: tuple[str, ...] = ()
    """Hosts, also as `host:port`, that need neither https nor a public address."""


_NO_HEARTBEAT = HeartbeatSettings()


@dataclass(frozen=True, kw_only=True, slots=True)
class OutgoingSettings:
    """Where customers' requests may go (docs/outgoing.md)."""

    ranges: tuple[str, ...] = ()
    """Networks and hosts, also with a port, that are allowed besides public addresses."""
    ports: tuple[int, ...] = (80, 443, 8080, 8443)
    identity: str = ""
    """Where the platform hands out the app's tokens: a URL that nothing opens."""


_OUTGOING = OutgoingSettings()


@dataclass(frozen=True, kw_only=True, slots=True)
class AnalysisSettings:
    """Analyses of repositories (docs/analysis.md)."""

    hosts: tuple[str, ...] = ("github.com", "gitlab.com", "bitbucket.org", "dev.azure.com")
    """From which repositories are fetched, also as `host:port`; `*` is any public one."""
    osv_url: str = "https://osv-vulnerabilities.storage.googleapis.com"
    ecosystems: tuple[str, ...] = ("PyPI",)
    """Whose vulnerabilities are looked up."""


_ANALYSIS = AnalysisSettings()


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessSettings:
    """Who may ask for what."""

    requests_per_minute: int = 1200
    """Of one caller; 0: any number."""
    sign_in: bool = False
    """Whether people sign in with Microsoft Entra."""
    tenant: str = ""
    roles: str = ""
    """As it was set; `shared.access.sign_in` reads it."""
    on_azure: bool = False
    """Whether Azure's front end stands before the app."""
    platform_signs_in: bool = False
    """Whether the platform says that its authentication is on."""


_ACCESS = AccessSettings()


@dataclass(frozen=True, kw_only=True, slots=True)
class ApprovalSettings:
    """What critical jobs wait for (docs/approvals.md)."""

    limit: timedelta = timedelta(days=7)
    """For so long an approval may wait at most."""
    two_persons: frozenset[str] = frozenset()
    """The tasks whose jobs two persons must approve; `*`: all."""
    approvers: str = ""
    """As it was set; `shared.approvals.approvers` reads it."""
    most: int = 20
    """Of more that wait, people are alerted."""
    oldest: timedelta = timedelta(hours=24)
    """Of one that has waited longer, too."""
    url: str = ""
    """Where people reach the app: what links begin with. Empty: no links are sent."""


_APPROVALS = ApprovalSettings()


@dataclass(frozen=True, kw_only=True, slots=True)
class SecretsSettings:
    """Where customers' secrets are kept."""

    vault_url: str = ""
    """Of a Key Vault; empty: in encrypted rows."""
    client_id: str = ""
    """Of the identity that uses the vault; empty for the system-assigned one."""
    key: Secret = UNSET
    """By which rows are encrypted; several, with commas between."""


_NO_SECRETS = SecretsSettings()


@dataclass(frozen=True, kw_only=True, slots=True)
class ScalingSettings:
    """The scaling policy (O8). Of two numbers, the first is the least."""

    mode: str = "recommend"
    """off, recommend or apply."""
    site: str = ""
    """The function app's resource id."""
    client_id: str = ""
    """Of the user-assigned identity; empty for the system-assigned one."""
    ready: tuple[int, int] = (0, 2)
    instances: tuple[int, int] = (40, 100)
    concurrency: tuple[int, int] = (8, 16)


_SCALING = ScalingSettings()


RETENTION = timedelta(days=400)
"""How long notifications are kept, unless a setting says otherwise: costs go 366 days back."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskOverride:
    """The settings for a built-in task's schedule; None for those that are not set."""

    cron: str | None = None
    timezone: str | None = None
    enabled: bool | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class TriggerSettings:
    """What the app's triggers are made from. It needs no storage, so that tasks can be imported."""

    prefix: str = "belfry"
    overrides: Mapping[str, str] = field(default_factory=dict)
    """Every variable whose name ends like that of a task's setting."""
    task_timezone: str = "UTC"
    """In which tasks of local time run that have no zone of their own (P7)."""

    def local_zone(self, task_name: str) -> str:
        """The zone of a task of local time."""
        return self.overrides.get(task_settings(task_name)[1]) or self.task_timezone

    def override(self, task_name: str) -> TaskOverride:
        """The settings for that task's schedule. Raises `Misconfigured`."""
        cron, timezone, enabled = (self.overrides.get(one) for one in task_settings(task_name))
        if enabled not in (None, "true", "false"):
            name = task_settings(task_name)[-1]
            raise Misconfigured(f"{name} is {enabled!r}; use true or false")
        return TaskOverride(
            cron=cron,
            timezone=timezone,
            enabled=None if enabled is None else enabled == "true",
        )


class Tracing(StrEnum):
    """Where spans go (docs/tracing.md)."""

    OFF = "off"
    AZURE = "azure"
    """To Application Insights."""
    CONSOLE = "console"
    """To the log, one line each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TracingSettings:
    """Whether spans are made, and where they go."""

    to: Tracing = Tracing.OFF
    ratio: float = 1.0
    """Which part of all traces is kept."""
    service: str = "belfry"
    """The app's name."""
    connection_string: Secret = UNSET
    by_identity: bool = False
    """Whether Application Insights knows the app by its managed identity, and not by the key in
    the connection string."""
    client_id: str = ""
    """Of the identity; empty: the system-assigned one."""


_TRACING = TracingSettings()


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings(TriggerSettings):
    """All settings; see `SETTINGS` for what each means."""

    storage: StorageAccount
    backup_destinations: Mapping[str, DestinationSettings]
    """By name, `primary` first."""
    backup_sources: Mapping[str, Secret] = field(default_factory=dict)
    """URLs of further databases, by name."""
    backup_encryption_key: Secret = UNSET
    secrets: SecretsSettings = _NO_SECRETS
    drive: DriveSettings = _NO_DRIVE
    channels: Mapping[str, Values] = field(default_factory=dict)
    """The channels to people that are set up: each one's name, and the values of its settings."""
    sms: SmsSettings = _SMS
    notification_retention: timedelta = RETENTION
    database_url: Secret = UNSET
    data_names: Path | None = None
    database_path: Path | None = None
    stripe: StripeSettings = _NO_STRIPE
    postgres_url: Secret
    postgres_scratch_url: Secret
    postgres_bin: Path | None = None
    care: CareSettings = _CARE
    schedule_shards: int = 8
    job_lease: timedelta = timedelta(seconds=60)
    jobs_per_instance: int = 64
    long_jobs_per_instance: int = 64
    jobs_per_project: int = 0
    heartbeat: HeartbeatSettings = _NO_HEARTBEAT
    outgoing: OutgoingSettings = _OUTGOING
    analysis: AnalysisSettings = _ANALYSIS
    backfill_limit: int = 10_000
    """The most occurrences of one backfill."""
    metrics_schedules: int = 1000
    """How many schedules have metrics of their own."""
    job_retention: timedelta | None = timedelta(days=90)
    """After which ended jobs move into the archive; None: never."""
    daily_spend_limit_minor: int = 5000
    """In minor units of `spend_currency`."""
    spend_currency: str = "USD"
    prices: Prices = Prices()
    access: AccessSettings = _ACCESS
    approvals: ApprovalSettings = _APPROVALS
    tracing: TracingSettings = _TRACING
    scaling: ScalingSettings = _SCALING
    alert_routes: str = ""
    """As it was set; `shared.alerts.routes` reads it."""
    alerts_per_hour: int = 20
    mail_daily_limit: int = 200
    """Mails of the task `mail`, a project and day."""
    audit_days: int = 400
    """Records of the audit that are older are in files only."""

    @property
    def billing(self) -> BillingSettings:
        data = DataSettings(url=self.database_url, names=self.data_names)
        return BillingSettings(
            data=data,
            stripe=self.stripe,
            prefix=self.prefix,
            fee_max_age=self.care.no_show_max_age,
        )
