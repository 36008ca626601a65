"""Checks that what plans and orders ask for exists, before any of their jobs runs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from shared.backups.engines import engine_of
from shared.backups.model import Manifest
from shared.backups.params import ALL, PARTS, BackupPlan, RestoreOrder, VerifyOrder
from shared.backups.sources import Sources
from shared.backups.store.catalog import Found
from shared.backups.store.entries import Backup
from shared.errors import BelfryError, Conflict, Invalid, NotFound
from shared.settings import Settings
from shared.text import those


def check_plan(
    settings: Settings,
    sources: Sources,
    destinations: Iterable[str],
    plan: BackupPlan,
    new: Collection[str],
) -> None:
    """Raise `Invalid` for the first of the fields `new` that asks for what does not exist."""
    known = [*sources.names, ALL]
    if "source" in new and plan.source not in known:
        raise Invalid("source", f"there is no source {plan.source!r:.60}; {those(known)}")
    for number, name in enumerate(plan.destinations if "destinations" in new else ()):
        check_destination(destinations, name, f"destinations.{number}")
    if "encrypt" in new and plan.encrypt and not settings.backup_encryption_key:
        raise Invalid("encrypt", "there is no key; set BACKUP_ENCRYPTION_KEY to a key of age")
    if "drive" in new and plan.drive and not settings.drive.folder_id:
        raise Invalid("drive", "there is no Google Drive; set GDRIVE_FOLDER_ID")
    parts = [name for name in PARTS if getattr(plan, name)]
    if parts and plan.source != ALL and not sources.has_parts(plan.source):
        refuse_parts(
            parts,
            new,
            f"{plan.source} is no PostgreSQL server; leave it out",
            "it is no PostgreSQL server",
        )


def refuse_parts(parts: Collection[str], new: Collection[str], part: str, source: str) -> None:
    """Raise `Invalid` for `parts`, which the source does not have: for the first that is in `new`,
    else for the source if that is in `new`. If neither is new, nothing is raised."""
    mine = next((name for name in parts if name in new), None)
    if mine is not None:
        raise Invalid(mine, part)
    if parts and "source" in new:
        raise Invalid("source", f"{source}; set {' and '.join(parts)} to null as well")


def check_destination(
    destinations: Iterable[str], name: str | None, field: str = "destination"
) -> None:
    """Raise `Invalid` if the settings have no destination of that name."""
    known = list(destinations)
    if name is not None and name not in known:
        raise Invalid(field, f"there is no destination {name!r:.60}; {those(known)}")


def rules_are_there(manifest: Manifest, rules: Iterable[str]) -> None:
    """Raise `Invalid` for a rule that the backup does not have: no proof can leave it out."""
    for rule in rules:
        if rule not in manifest.schema:
            raise Invalid("without", f"the backup has no {rule!r}; see `schema` of its manifest")


def _check_rules(
    backup: Backup, rules: Iterable[str], manifest: Callable[[Backup], Manifest]
) -> None:
    if engine_of(backup.summary.engine).databases is None:
        raise Invalid("without", "only of PostgreSQL there is anything to leave out")
    try:
        found = manifest(backup)
    except BelfryError:  # the proof will find what is wrong with the manifest, and report it
        return
    rules_are_there(found, rules)


def check_order(
    found: Found,
    destinations: Iterable[str],
    order: RestoreOrder | VerifyOrder,
    manifest: Callable[[Backup], Manifest],
) -> None:
    """Raises `Invalid` if the backup, destination or rule does not exist or the target cannot be
    used; `Conflict` for a backup of an engine that this version does not have, and for a restore of
    a backup that is not verified, unless the order names the copy to use; `Unavailable` if the
    backup may lie at a destination that does not answer."""
    check_destination(destinations, order.destination)
    try:
        backup = found.find(order.backup_id)
    except NotFound as error:
        raise Invalid("backup_id", str(error)) from None
    engine_of(backup.summary.engine)
    if isinstance(order, VerifyOrder):
        if order.without:
            _check_rules(backup, order.without, manifest)
        return
    check_target(backup, order.target)
    check_reliable(backup, order.destination)


def check_target(backup: Backup, target: str | None) -> None:
    """Raise `Invalid` for a target that a restore of the backup cannot go to."""
    if target is not None and (problem := engine_of(backup.summary.engine).target_problem(target)):
        raise Invalid("target", problem)


def check_reliable(backup: Backup, destination: str | None) -> None:
    """Raise `Conflict` for a backup that is not verified, unless a copy to use is named."""
    if destination is None and not backup.verified:
        raise Conflict(
            f"backup {backup.id} is not verified, so not to be relied upon; verify it, "
            f"or name the destination whose copy to take all the same"
        )
