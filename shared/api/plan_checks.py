"""What a plan asks for must be there: sources and destinations of the settings, a key, a folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.app import App
from shared.errors import Invalid
from shared.tasks import Task
from shared.tasks.backups import ALL, ONLY_ALL, BackupPlan

_PARTS = ("databases", "schemas", "exclude_schemas")
"""What only a PostgreSQL server has."""
_NO_SERVER = "it is no PostgreSQL server"
_PREFIX = "task_parameters."


def destination_is_known(belfry: App, name: str | None, field: str = "destination") -> None:
    """Raise `Invalid` if the settings have no destination of that name."""
    known = belfry.backups().catalog.names
    if name is not None and name not in known:
        raise Invalid(field, f"there is no destination {name!r:.60}; there are {', '.join(known)}")


def checked(
    belfry: App, task: Task, parameters: Mapping[str, object], given: Mapping[str, Any]
) -> None:
    """Raise `Invalid`, naming the field of `given` that cannot be met."""
    if given.get("source") is not None:
        known = [*sources(belfry), ALL]
        if given["source"] not in known:
            there = ", ".join(known)
            raise Invalid(
                "source", f"there is no source {given['source']!r:.60}; there are {there}"
            )
    for number, name in enumerate(given.get("destinations") or ()):
        destination_is_known(belfry, name, f"destinations.{number}")
    if given.get("encrypt") and not belfry.settings.backup_encryption_key:
        raise Invalid("encrypt", "there is no key; set BACKUP_ENCRYPTION_KEY to a key of age")
    if given.get("drive") and not belfry.settings.drive.folder_id:
        raise Invalid("drive", "there is no Google Drive; set GDRIVE_FOLDER_ID")
    _fits_all(parameters, given)
    plan = _parsed(task, parameters)
    parts = [name for name in _PARTS if getattr(plan, name)]
    if parts and not (plan.source == ALL or _is_server(belfry, plan.source)):
        name = plan.source
        _refuse(parts, given, f"{name} is no PostgreSQL server; leave it out", _NO_SERVER)


def _fits_all(parameters: Mapping[str, object], given: Mapping[str, Any]) -> None:
    """Raise `Invalid` if what belongs to one server is asked for of all sources."""
    if parameters.get("source") != ALL:
        return
    parts = [name for name in _PARTS if parameters.get(name) not in (None, [], ALL)]
    _refuse(parts, given, ONLY_ALL, ONLY_ALL)


def _refuse(parts: list[str], given: Mapping[str, Any], part: str, source: str) -> None:
    """Raise `Invalid` for parts that the source does not have: of the first that was given, or of
    the source, if that was; what was neither stays as it is."""
    mine = next((name for name in parts if given.get(name)), None)
    if mine is not None:
        raise Invalid(mine, part)
    if parts and given.get("source") is not None:
        raise Invalid("source", f"{source}; set {' and '.join(parts)} to null as well")


def sources(belfry: App) -> list[str]:
    """The names of the sources that the settings have."""
    from shared.backups.sources import Sources

    return Sources(belfry.settings, belfry.connection).names


def _is_server(belfry: App, source: str) -> bool:
    from shared.backups.sources import POSTGRES

    url = belfry.settings.backup_sources.get(source)
    return source == POSTGRES or (url is not None and not url.reveal().startswith("sqlite:"))


def _parsed(task: Task, parameters: Mapping[str, object]) -> BackupPlan:
    try:
        plan = task.parse(parameters)
    except Invalid as error:
        raise Invalid(error.field.removeprefix(_PREFIX), error.message) from None
    assert isinstance(plan, BackupPlan)  # noqa: S101 (for the type checker)
    return plan
