metadata description = 'The settings of docs/settings.md that Azure needs and that are no secrets.'

@export()
@description('Values are edited in main.parameters.json; docs/settings.md says what each means.')
type appSettings = {
  ALERTS_PER_HOUR: string?
  ALERT_ROUTES: string?
  APPROVALS_MOST: string?
  APPROVALS_OLDEST_HOURS: string?
  APPROVALS_TWO_PERSONS: string?
  APPROVAL_DAYS: string?
  APPROVERS: string?
  ANALYSIS_HOSTS: string?
  AUDIT_TABLE_DAYS: string?
  BACKFILL_LIMIT: string?
  BACKUP_CONTAINER: string?
  BACKUP_DESTINATIONS: string?
  BACKUP_SOURCES: string?
  BELFRY_PREFIX: string?
  DAILY_SPEND_LIMIT: string?
  DATA_NAMES: string?
  ENTRA_DATABASE_HOSTS: string?
  ENTRA_ROLES: string?
  GDRIVE_FOLDER_ID: string?
  GDRIVE_URL: string?
  HEARTBEAT_HOSTS: string?
  HEARTBEAT_INTERVAL_SECONDS: string?
  JOBS_PER_INSTANCE: string?
  JOBS_PER_PROJECT: string?
  JOB_LEASE_SECONDS: string?
  JOB_RETENTION_DAYS: string?
  LONG_JOBS_PER_INSTANCE: string?
  MAIL_DAILY_LIMIT: string?
  MAIL_FROM: string?
  METRICS_SCHEDULES: string?
  NOTIFICATION_RETENTION_DAYS: string?
  NO_SHOW_GRACE_PERIOD_MINUTES: string?
  NO_SHOW_MAX_AGE_DAYS: string?
  OSV_ECOSYSTEMS: string?
  OSV_URL: string?
  OUTGOING_PORTS: string?
  OUTGOING_RANGES: string?
  PRICE_BLOB_REQUESTS: string?
  PRICE_COMPUTE_GB_SECOND: string?
  PRICE_CURRENCY: string?
  PRICE_TABLE_REQUESTS: string?
  PRICE_TRANSFER_GB: string?
  PUBLIC_BASE_URL: string?
  REPUTATION_NO_SHOW_POINTS: string?
  REPUTATION_RECOVERY_DAYS: string?
  REPUTATION_RECOVERY_POINTS: string?
  REQUESTS_PER_MINUTE: string?
  SCALING_ALWAYS_READY: string?
  SCALING_HTTP_CONCURRENCY: string?
  SCALING_INSTANCES: string?
  SCHEDULE_SHARDS: string?
  SENDGRID_WEBHOOK_KEY: string?
  SMS_CURRENCY: string?
  SMS_DAILY_LIMIT: string?
  SMS_DAILY_SPEND_MINOR: string?
  SMS_DEFAULT_REGION: string?
  SMS_ENABLED: string?
  SMS_PER_SECOND: string?
  SMS_SEGMENT_PRICE: string?
  SMS_WINDOW: string?
  SPEND_CURRENCY: string?
  STRIPE_PAUSED_INVOICES: string?
  STRIPE_URL: string?
  TASK_TIMEZONE: string?
  TELEGRAM_CHAT_ID: string?
  TRACING: string?
  TRACING_RATIO: string?
  TWILIO_ACCOUNT_SID: string?
  TWILIO_FROM: string?
  TWILIO_URL: string?
  VACCINATION_ALERT_THRESHOLDS: string?
  @description('<TASK>_SCHEDULE, <TASK>_TIMEZONE, <TASK>_ENABLED, BACKUP_<NAME>_CONTAINER, BACKUP_<NAME>_STORAGE__accountName')
  *: string
}

@export()
@description('Instances that are always there: of all HTTP functions (http), or of one (function:NAME).')
type alwaysReadyInstances = {
  name: string
  @minValue(0)
  instanceCount: int
}
