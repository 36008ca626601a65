"""Configuration: one frozen value, read once from the environment.

`table` lists the settings (those of channels are with the channels), and `model` has their values.
`reading` turns an environment into values, by the rules of `checks`, `accounts` and `databases`.
Only `process` reads this process's environment.
"""

from shared.settings.databases import DatabaseUrl, client_id_of
from shared.settings.model import (
    PRIMARY,
    RETENTION,
    AccessSettings,
    BillingSettings,
    CareSettings,
    DataSettings,
    DestinationSettings,
    DriveSettings,
    HeartbeatSettings,
    Prices,
    ScalingSettings,
    Settings,
    SmsSettings,
    StorageAccount,
    StorageService,
    StorageSettings,
    StripeSettings,
    TaskOverride,
    TriggerSettings,
    Values,
)
from shared.settings.process import (
    load,
    load_for_audit,
    load_for_billing,
    load_for_data,
    load_for_storage,
    load_for_triggers,
    load_local,
)
from shared.settings.reading import (
    Channels,
    Check,
    for_audit,
    for_billing,
    for_data,
    for_storage,
    for_triggers,
    from_env,
)
from shared.settings.secret import UNSET, Secret
from shared.settings.table import SETTINGS, TASK_SUFFIXES, Setting, task_settings

__all__ = [
    "PRIMARY",
    "RETENTION",
    "SETTINGS",
    "TASK_SUFFIXES",
    "UNSET",
    "AccessSettings",
    "BillingSettings",
    "CareSettings",
    "Channels",
    "Check",
    "DataSettings",
    "DatabaseUrl",
    "DestinationSettings",
    "DriveSettings",
    "HeartbeatSettings",
    "Prices",
    "ScalingSettings",
    "Secret",
    "Setting",
    "Settings",
    "SmsSettings",
    "StorageAccount",
    "StorageService",
    "StorageSettings",
    "StripeSettings",
    "TaskOverride",
    "TriggerSettings",
    "Values",
    "client_id_of",
    "for_audit",
    "for_billing",
    "for_data",
    "for_storage",
    "for_triggers",
    "from_env",
    "load",
    "load_for_audit",
    "load_for_billing",
    "load_for_data",
    "load_for_storage",
    "load_for_triggers",
    "load_local",
    "task_settings",
]
