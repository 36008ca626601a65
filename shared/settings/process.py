"""The environment of this process. Only this module reads it or writes it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from shared.errors import Misconfigured
from shared.settings.model import (
    BillingSettings,
    DataSettings,
    Settings,
    StorageSettings,
    TriggerSettings,
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


def load(check: Check, channels: Channels, schemes: Sequence[str]) -> Settings:
    """The settings of this process. Raises `Misconfigured` as `from_env` does."""
    return from_env(os.environ, check, channels, schemes)


def load_for_triggers() -> TriggerSettings:
    """What this process's triggers are made from."""
    return for_triggers(os.environ)


def load_for_storage() -> StorageSettings:
    """How this process reaches the storage account. Raises `Misconfigured`."""
    return for_storage(os.environ)


def load_for_audit() -> StorageSettings | None:
    """Where this process finds the audit; None if no storage account is set. Raises
    `Misconfigured`."""
    return for_audit(os.environ)


def load_for_data() -> DataSettings:
    """What this process needs to reach the company's database. Raises `Misconfigured`."""
    return for_data(os.environ)


def load_for_billing() -> BillingSettings:
    """What this process needs for the billing. Raises `Misconfigured`."""
    return for_billing(os.environ)


def load_local(file: Path) -> None:
    """Add the `Values` of `local.settings.json` to this process's environment.

    As in the Core Tools, a variable that is already set stays as it is. Without a file, nothing is
    added; but a file that BELFRY_LOCAL_SETTINGS names must exist. Set to nothing, no file is read:
    so a command works on another account than that of `make start`. Raises `Misconfigured`.
    """
    named = os.environ.get("BELFRY_LOCAL_SETTINGS")
    if named == "":
        return
    file = Path(named) if named else file
    if not file.exists():
        if named:
            raise Misconfigured(f"BELFRY_LOCAL_SETTINGS: there is no file {named}")
        return
    try:
        values = json.loads(file.read_text())["Values"].items()
    except KeyError:
        raise Misconfigured(f'{file} is not a local.settings.json: it has no "Values"') from None
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise Misconfigured(f"{file} is not a local.settings.json: {error}") from None
    for name, value in values:
        os.environ.setdefault(name, str(value))


def given(names: Iterable[str]) -> dict[str, str]:
    """Those of the variables that are set, for a child process that reads them as a library does in
    this one."""
    return {name: os.environ[name] for name in names if name in os.environ}


def default(name: str, value: str) -> None:
    """Set a variable that a library reads from the environment by itself, unless it is set."""
    os.environ.setdefault(name, value)
