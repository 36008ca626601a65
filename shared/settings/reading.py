"""Reads settings from an environment. One error names everything that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from shared import outgoing
from shared.errors import Misconfigured
from shared.settings import checks, databases
from shared.settings.accounts import ALL, read_account
from shared.settings.model import (
    PRIMARY,
    AccessSettings,
    AnalysisSettings,
    ApprovalSettings,
    BillingSettings,
    CareSettings,
    DataSettings,
    DestinationSettings,
    DriveSettings,
    HeartbeatSettings,
    OutgoingSettings,
    Prices,
    ScalingSettings,
    SecretsSettings,
    Settings,
    SmsSettings,
    StorageAccount,
    StorageService,
    StorageSettings,
    StripeSettings,
    Tracing,
    TracingSettings,
    TriggerSettings,
    Values,
)
from shared.settings.secret import Secret
from shared.settings.table import SETTINGS, TASK_SUFFIXES, Setting

T = TypeVar("T")

_TABLE = {one.name: one for one in SETTINGS}
UNRESOLVED = "@Microsoft.KeyVault("
"""The beginning of a Key Vault reference that the platform could not resolve."""
INSIGHTS = "APPLICATIONINSIGHTS_CONNECTION_STRING"
INSIGHTS_SIGN_IN = "APPLICATIONINSIGHTS_AUTHENTICATION_STRING"
"""Variables of Azure Functions itself, which the host reads too."""
Check = Callable[[Settings], Iterable[str]]
"""Returns what is wrong with settings whose rules only other modules know."""
Channels = Mapping[str, Sequence[Setting]]
"""All channels to people, and the settings that each declares."""
_NO_CHANNELS: Channels = {}


def from_env(
    environ: Mapping[str, str],
    check: Check = lambda _settings: (),
    channels: Channels = _NO_CHANNELS,
    schemes: Sequence[str] = (),
) -> Settings:
    """Read the settings. Raises `Misconfigured`, which lists everything that is wrong.

    `check` adds to that list what is wrong with the settings of tasks. Those of `channels` whose
    settings are set are in the result. The URL of a backup source begins with one of `schemes`.
    """
    given = _Given(environ)
    read = given.read
    storage = _storage(given)
    file = read("DATABASE_PATH")
    data = _data(given)
    currency = given.checked("SPEND_CURRENCY", checks.currency) or "USD"
    limit = given.checked("DAILY_SPEND_LIMIT", partial(checks.above_zero, currency=currency))
    settings = Settings(
        storage=storage,
        backup_destinations=_destinations(given, storage),
        backup_sources=_sources(given, schemes),
        backup_encryption_key=_encryption_key(given),
        secrets=SecretsSettings(
            vault_url=given.checked("SECRETS_VAULT_URL", checks.vault_url) or "",
            client_id=read("AZURE_CLIENT_ID"),
            key=_secrets_key(given),
        ),
        drive=DriveSettings(
            folder_id=read("GDRIVE_FOLDER_ID"),
            service_account=Secret(read("GDRIVE_SERVICE_ACCOUNT")),
            url=read("GDRIVE_URL").rstrip("/"),
        ),
        channels=_set_up(given, channels),
        sms=_sms(given),
        notification_retention=timedelta(
            days=given.checked("NOTIFICATION_RETENTION_DAYS", checks.retention) or 400
        ),
        database_url=data.url,
        data_names=data.names,
        database_path=Path(file) if file else None,
        stripe=_stripe(given),
        postgres_url=given.database("POSTGRES_URL"),
        postgres_scratch_url=given.database("POSTGRES_SCRATCH_URL"),
        postgres_bin=Path(folder) if (folder := read("POSTGRES_BIN")) else None,
        care=_care(given),
        schedule_shards=given.checked("SCHEDULE_SHARDS", checks.shards) or 8,
        prefix=given.checked("BELFRY_PREFIX", checks.prefix) or "belfry",
        job_lease=timedelta(seconds=given.checked("JOB_LEASE_SECONDS", checks.lease) or 60),
        jobs_per_instance=given.checked("JOBS_PER_INSTANCE", checks.hands) or 64,
        long_jobs_per_instance=given.checked("LONG_JOBS_PER_INSTANCE", checks.hands) or 64,
        jobs_per_project=given.checked("JOBS_PER_PROJECT", checks.each) or 0,
        heartbeat=_heartbeat(given),
        outgoing=_outgoing(given),
        analysis=_analysis(given),
        backfill_limit=given.checked("BACKFILL_LIMIT", checks.backfill) or 10_000,
        metrics_schedules=given.checked("METRICS_SCHEDULES", checks.series) or 1000,
        job_retention=_job_retention(given),
        daily_spend_limit_minor=limit or 5000,
        spend_currency=currency,
        alert_routes=read("ALERT_ROUTES"),
        alerts_per_hour=given.checked("ALERTS_PER_HOUR", checks.an_hour) or 20,
        mail_daily_limit=given.checked("MAIL_DAILY_LIMIT", checks.mails) or 200,
        audit_days=given.checked("AUDIT_TABLE_DAYS", checks.days) or 400,
        prices=_prices(given),
        access=_access(given),
        approvals=_approvals(given),
        tracing=_tracing(given),
        scaling=_scaling(given),
        overrides=_overrides(environ),
        task_timezone=read("TASK_TIMEZONE"),
    )
    problems = [*dict.fromkeys(given.problems), *check(settings)]
    if problems:
        raise Misconfigured(*problems)
    return settings


def for_triggers(environ: Mapping[str, str]) -> TriggerSettings:
    """Read what triggers are made from. A wrong prefix counts as not set; `from_env` reports it."""
    given = _Given(environ)
    return TriggerSettings(
        prefix=given.checked("BELFRY_PREFIX", checks.prefix) or "belfry",
        overrides=_overrides(environ),
        task_timezone=given.read("TASK_TIMEZONE"),
    )


def for_storage(environ: Mapping[str, str]) -> StorageSettings:
    """Read how to reach the storage account, whatever else is set. Raises `Misconfigured`."""
    given = _Given(environ)
    account = _storage(given)
    prefix = given.checked("BELFRY_PREFIX", checks.prefix) or "belfry"
    if given.problems:
        raise Misconfigured(*dict.fromkeys(given.problems))
    return StorageSettings(account=account, prefix=prefix)


def for_audit(environ: Mapping[str, str]) -> StorageSettings | None:
    """Read where the audit is; None if no storage account is set. Raises `Misconfigured`."""
    there = _Given(environ).account("AzureWebJobsStorage").is_given
    return for_storage(environ) if there else None


def for_data(environ: Mapping[str, str]) -> DataSettings:
    """Read what the company's database needs, whatever else is set. Raises `Misconfigured`."""
    given = _Given(environ)
    return _complete(given, _data(given))


def for_billing(environ: Mapping[str, str]) -> BillingSettings:
    """Read what the billing needs, whatever else is set. Raises `Misconfigured`."""
    given = _Given(environ)
    stripe = _stripe(given)
    prefix = given.checked("BELFRY_PREFIX", checks.prefix) or "belfry"
    max_age = _no_show_max_age(given)
    data = _complete(given, _data(given))
    account = given.account("AzureWebJobsStorage")
    return BillingSettings(
        data=data,
        stripe=stripe,
        prefix=prefix,
        fee_max_age=max_age,
        storage=account if account.is_given else None,
    )


def _storage(given: _Given) -> StorageAccount:
    name = "AzureWebJobsStorage"
    storage = given.account(name)
    if storage.client_id and not given.read(f"{name}__credential"):
        given.problems.append(
            f"{name}__clientId is set, but {name}__credential is not, without which the host does "
            "not heed it; set it to managedidentity"
        )
    if not storage.is_given and not given.problems:
        given.problems.append(
            "AzureWebJobsStorage is not set; give it a connection string (`make start` writes one "
            "into local.settings.json), or set AzureWebJobsStorage__accountName"
        )
    return storage


def _complete(given: _Given, found: DataSettings) -> DataSettings:
    if given.problems:
        raise Misconfigured(*dict.fromkeys(given.problems))
    if not found.url:
        raise Misconfigured("DATABASE_URL is not set; it says which database is the company's")
    return found


def _stripe(given: _Given) -> StripeSettings:
    key, url = given.read("STRIPE_API_KEY"), given.read("STRIPE_URL")
    given.problems += checks.stripe(key, url)
    paused = given.checked("STRIPE_PAUSED_INVOICES", checks.paused_invoices)
    return StripeSettings(
        api_key=Secret(key), url=url.rstrip("/"), paused_invoices=paused or "void"
    )


def _data(given: _Given) -> DataSettings:
    file, names = given.read("DATABASE_PATH"), given.read("DATA_NAMES")
    url = given.database("DATABASE_URL") or Secret(f"sqlite:///{quote(file)}" if file else "")
    return DataSettings(url=url, names=Path(names) if names else None)


def _job_retention(given: _Given) -> timedelta | None:
    """None: never. A variable that is set to nothing says so too, since it keeps what is there."""
    name = "JOB_RETENTION_DAYS"
    days = None if given.is_blank(name) else given.checked(name, checks.job_retention)
    return timedelta(days=days) if days else None


def _no_show_max_age(given: _Given) -> timedelta:
    return timedelta(days=given.checked("NO_SHOW_MAX_AGE_DAYS", checks.days) or 1)


def _care(given: _Given) -> CareSettings:
    """A wrong value is noted as a problem, so what stands in its place is never used."""
    return CareSettings(
        vaccination_thresholds=given.checked("VACCINATION_ALERT_THRESHOLDS", checks.thresholds)
        or (),
        no_show_grace=timedelta(
            minutes=given.checked("NO_SHOW_GRACE_PERIOD_MINUTES", checks.minutes) or 0
        ),
        no_show_max_age=_no_show_max_age(given),
        no_show_points=given.checked("REPUTATION_NO_SHOW_POINTS", checks.points) or 0,
        recovery_days=given.checked("REPUTATION_RECOVERY_DAYS", checks.days) or 1,
        recovery_points=given.checked("REPUTATION_RECOVERY_POINTS", checks.points) or 0,
    )


class _Given:
    """An environment, and what is wrong with it as far as it was read."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[str] = []

    def read(self, name: str) -> str:
        """The variable's value, or its default in the table."""
        return self.value(_TABLE.get(name) or Setting(name, "", ""))

    def is_blank(self, name: str) -> bool:
        """Whether the variable is set, to nothing."""
        return name in self._environ and not self._environ[name].strip()

    def value(self, setting: Setting) -> str:
        """The value of a setting's variable, or its default."""
        name = setting.name
        value = self._environ.get(name, "").strip() or setting.default
        if value.startswith(UNRESOLVED):
            self.problems.append(
                f"{name} is a Key Vault reference that was not resolved; check the vault's "
                "access and the site's keyVaultReferenceIdentity"
            )
        elif value:
            self._check(setting, value)
        return value

    def _check(self, setting: Setting, value: str) -> None:
        try:
            setting.check(value)
        except ValueError as error:
            shown = Secret(value) if setting.secret else value
            self.problems.append(f"{setting.name} is {shown!r}; {error}")

    def account(self, name: str, services: Sequence[StorageService] = ALL) -> StorageAccount:
        found, problems = read_account(name, self.read, services)
        self.problems += problems
        return found

    def database(self, name: str) -> Secret:
        """The variable's value as the URL of a database."""
        value = self.read(name)
        named = self.checked("ENTRA_DATABASE_HOSTS", databases.hosts) or ()
        try:
            return databases.url_of(value, self.read("AZURE_CLIENT_ID"), named)
        except ValueError as error:
            self.problems.append(f"{name} is {Secret(value)!r}; {error}")
            return Secret(value)

    def checked(self, name: str, parse: Callable[[str], T]) -> T | None:
        """The variable's value, parsed; None if it is wrong."""
        value = self.read(name)
        try:
            return parse(value)
        except ValueError as error:
            self.problems.append(f"{name} is {value!r}; {error}")
            return None


def _prices(given: _Given) -> Prices:
    none = Decimal()
    return Prices(
        gb_second=given.checked("PRICE_COMPUTE_GB_SECOND", checks.millionths) or none,
        table_requests=given.checked("PRICE_TABLE_REQUESTS", checks.millionths) or none,
        blob_requests=given.checked("PRICE_BLOB_REQUESTS", checks.millionths) or none,
        transfer_gb=given.checked("PRICE_TRANSFER_GB", checks.millionths) or none,
        currency=given.checked("PRICE_CURRENCY", checks.currency) or "",
        memory_mb=given.checked("INSTANCE_MEMORY_MB", checks.memory) or 0,
    )


def _tracing(given: _Given) -> TracingSettings:
    to = given.checked("TRACING", checks.tracing) or Tracing.OFF
    ratio = given.checked("TRACING_RATIO", checks.ratio)
    connection = given.read(INSIGHTS) if to is Tracing.AZURE else ""
    if to is Tracing.AZURE and not connection:
        given.problems.append(
            f"TRACING is 'azure', but {INSIGHTS} is not set; set it, or set TRACING to off or "
            "console"
        )
    elif connection and not checks.is_insights(connection):
        given.problems.append(
            f"{INSIGHTS} is none; use InstrumentationKey=<uuid>;IngestionEndpoint=https://..., "
            "without a semicolon at its end"
        )
    sign_in = given.checked(INSIGHTS_SIGN_IN, checks.insights_sign_in) or {}
    return TracingSettings(
        to=to,
        ratio=1.0 if ratio is None else ratio,
        service=given.read("WEBSITE_SITE_NAME") or "belfry",
        connection_string=Secret(connection),
        by_identity=bool(sign_in),
        client_id=sign_in.get("clientid") or given.read("AZURE_CLIENT_ID"),
    )


def _access(given: _Given) -> AccessSettings:
    on_azure = bool(given.read("WEBSITE_SITE_NAME"))
    signs_in = given.read("WEBSITE_AUTH_ENABLED").lower() == "true"
    return AccessSettings(
        requests_per_minute=given.checked("REQUESTS_PER_MINUTE", checks.a_minute) or 0,
        sign_in=given.checked("ENTRA_SIGN_IN", checks.switch) or False,
        tenant=given.read("ENTRA_TENANT_ID"),
        roles=given.read("ENTRA_ROLES"),
        on_azure=on_azure,
        platform_signs_in=on_azure and signs_in,
    )


def _approvals(given: _Given) -> ApprovalSettings:
    tasks = given.read("APPROVALS_TWO_PERSONS").split(",")
    return ApprovalSettings(
        limit=timedelta(days=given.checked("APPROVAL_DAYS", checks.approval_days) or 7),
        two_persons=frozenset(filter(None, (one.strip() for one in tasks))),
        approvers=given.read("APPROVERS"),
        most=given.checked("APPROVALS_MOST", checks.series) or 20,
        oldest=timedelta(hours=given.checked("APPROVALS_OLDEST_HOURS", checks.series) or 24),
        url=given.read("PUBLIC_BASE_URL").rstrip("/"),
    )


def _scaling(given: _Given) -> ScalingSettings:
    usual = ScalingSettings()
    mode = given.checked("SCALING", checks.scaling) or usual.mode
    site = given.checked("SCALING_SITE", checks.site) or ""
    if mode == "apply" and not given.read("SCALING_SITE"):
        given.problems.append(
            "SCALING is 'apply', but SCALING_SITE is not set; give it the function app's resource "
            "id, or set SCALING to recommend"
        )
    own = given.read("WEBSITE_SITE_NAME")
    if mode == "apply" and site and own and site.rpartition("/")[2].lower() != own.lower():
        given.problems.append(
            f"SCALING is 'apply', but SCALING_SITE is not this app ({own}); give it this app's "
            "resource id, since the traffic of this one says nothing of another"
        )
    return ScalingSettings(
        mode=mode,
        site=site,
        client_id=given.read("AZURE_CLIENT_ID"),
        ready=given.checked("SCALING_ALWAYS_READY", checks.ready) or usual.ready,
        instances=given.checked("SCALING_INSTANCES", checks.instances) or usual.instances,
        concurrency=given.checked("SCALING_HTTP_CONCURRENCY", checks.concurrency)
        or usual.concurrency,
    )


def _destinations(given: _Given, storage: StorageAccount) -> dict[str, DestinationSettings]:
    backup = given.account("BACKUP_STORAGE", ("blob",))
    primary = DestinationSettings(
        account=backup if backup.is_given else storage,
        container=given.read("BACKUP_CONTAINER"),
    )
    found = {PRIMARY: primary}
    names = given.read("BACKUP_DESTINATIONS")
    for name in checks.names(names, "BACKUP_DESTINATIONS", given.problems):
        own = given.account(f"BACKUP_{name.upper()}_STORAGE", ("blob",))
        one = DestinationSettings(
            account=own if own.is_given else primary.account,
            container=given.read(f"BACKUP_{name.upper()}_CONTAINER") or primary.container,
        )
        if one in found.values():
            given.problems.append(
                f"the destination {name} of BACKUP_DESTINATIONS is the same container as another; "
                f"set BACKUP_{name.upper()}_STORAGE or BACKUP_{name.upper()}_CONTAINER"
            )
        found[name] = one
    return found


def _sources(given: _Given, schemes: Sequence[str]) -> dict[str, Secret]:
    found = {}
    for name in checks.names(given.read("BACKUP_SOURCES"), "BACKUP_SOURCES", given.problems):
        found[name] = given.database(f"BACKUP_{name.upper()}_URL")
        if not found[name].reveal().startswith(tuple(schemes)):
            given.problems.append(
                f"BACKUP_{name.upper()}_URL is needed for the source {name} of BACKUP_SOURCES; "
                f"give it one that begins with {', '.join(schemes)}"
            )
    return found


def _encryption_key(given: _Given) -> Secret:
    found = Secret(given.read("BACKUP_ENCRYPTION_KEY"))
    if not found.reveal().startswith(UNRESOLVED):  # which `read` has reported
        given.problems += checks.age_keys(found.reveal())
    return found


def _secrets_key(given: _Given) -> Secret:
    found = Secret(given.read("SECRETS_KEY"))
    if not found.reveal().startswith(UNRESOLVED):  # which `read` has reported
        try:
            checks.sealing_keys(found.reveal())
        except ValueError as error:
            given.problems.append(f"SECRETS_KEY is {found!r}; {error}")
    return found


def _set_up(given: _Given, channels: Channels) -> dict[str, Values]:
    found = {name: _together(given, declared) for name, declared in channels.items()}
    return {name: values for name, values in found.items() if values}


def _together(given: _Given, declared: Sequence[Setting]) -> Values:
    """The values of settings that are used together; no values if those that it needs are not
    set: all but those with a default and the optional ones."""
    found = {one.name: Secret(given.value(one)) for one in declared}
    needed = [one.name for one in declared if not one.default and not one.optional]
    there = [name for name in needed if found[name]]
    missing = [name for name in needed if not found[name]]
    if there:
        given.problems += [
            f"{there[0]} is set, but {one} is not; set all of {', '.join(needed)}, or none of them"
            for one in missing
        ]
    return {} if missing else found


def _sms(given: _Given) -> SmsSettings:
    usual = SmsSettings()

    def read(name: str, parse: Callable[[str], T], default: T) -> T:
        found = given.checked(name, parse)
        return default if found is None else found

    return SmsSettings(
        enabled=read("SMS_ENABLED", checks.switch, usual.enabled),
        default_region=read("SMS_DEFAULT_REGION", checks.region, usual.default_region),
        hours=read("SMS_WINDOW", checks.hours, usual.hours),
        per_second=read("SMS_PER_SECOND", checks.per_second, usual.per_second),
        daily_limit=read("SMS_DAILY_LIMIT", checks.daily, usual.daily_limit),
        daily_spend_minor=read("SMS_DAILY_SPEND_MINOR", checks.daily, usual.daily_spend_minor),
        segment_micros=read("SMS_SEGMENT_PRICE", checks.price, usual.segment_micros),
        currency=read("SMS_CURRENCY", checks.currency, usual.currency),
    )


def _heartbeat(given: _Given) -> HeartbeatSettings:
    url = given.read("HEARTBEAT_URL")
    hosts = given.checked("HEARTBEAT_HOSTS", checks.places) or ()
    seconds = given.checked("HEARTBEAT_INTERVAL_SECONDS", checks.interval) or 60
    if url and not url.startswith(UNRESOLVED):  # which `read` has reported
        try:
            outgoing.hold_heartbeat(url, outgoing.Rules(allowed=outgoing.allowed(hosts)))
        except ValueError as error:
            given.problems.append(f"HEARTBEAT_URL is {Secret(url)!r}; {error}")
    return HeartbeatSettings(url=Secret(url), interval=timedelta(seconds=seconds), hosts=hosts)


def _outgoing(given: _Given) -> OutgoingSettings:
    return OutgoingSettings(
        ranges=given.checked("OUTGOING_RANGES", checks.places) or (),
        ports=given.checked("OUTGOING_PORTS", checks.ports) or (),
        identity=given.read("IDENTITY_ENDPOINT") or given.read("MSI_ENDPOINT"),
    )


def _analysis(given: _Given) -> AnalysisSettings:
    usual = AnalysisSettings()
    hosts = tuple(one.strip().lower() for one in given.read("ANALYSIS_HOSTS").split(","))
    return AnalysisSettings(
        hosts=tuple(filter(None, hosts)),
        osv_url=given.read("OSV_URL").rstrip("/") or usual.osv_url,
        ecosystems=given.checked("OSV_ECOSYSTEMS", checks.ecosystems) or usual.ecosystems,
    )


def _overrides(environ: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value.strip()
        for name, value in environ.items()
        if name.rpartition("_")[2] in TASK_SUFFIXES and value.strip()
    }
