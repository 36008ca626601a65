"""`/api/v1/backups`: list, read, link, prove, restore, accept, delete."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Response

from shared.access import Caller, Role
from shared.api import scope
from shared.api.answers import told
from shared.api.backups.choice import ID, BackupId, chosen, found_for
from shared.api.backups.orders import (
    Asked,
    DryRun,
    DryRunOut,
    Link,
    NewLink,
    Restore,
    VerdictOut,
    Verify,
)
from shared.api.backups.shapes import (
    BackupDetail,
    BackupList,
    BackupOut,
    LostOut,
    State,
)
from shared.api.backups.sources import SourceList, SourceOut
from shared.api.deps import Asking, Provided
from shared.api.idempotency import Once
from shared.api.lists import PAGE_SIZE, Page, PageSize, Since, Until, fitting, page_of, span
from shared.api.plans.checks import destination_is_known, named_plainly
from shared.api.query import Boolean, ScheduleId
from shared.api.roles import needs
from shared.app import App
from shared.audit.port import Action, Subject
from shared.backups.model import checksum_name, manifest_name
from shared.engine.commands.agreed import Agreed
from shared.engine.commands.once import run_once
from shared.errors import Conflict, Damaged, NotFound, Unavailable

if TYPE_CHECKING:
    from shared.backups.store.entries import Backup

router = APIRouter(prefix="/api/v1/backups", tags=["backups"])


VERIFY, RESTORE = "backup_verify", "backup_restore"
"""The tasks that verify and restore."""


@router.get("")
def list_backups(
    app: Provided,
    by: Asking,
    source: str | None = None,
    database: str | None = None,
    schedule_id: ScheduleId | None = None,
    state: State | None = None,
    destination: str | None = None,
    suspicious: Boolean | None = None,
    since: Since = None,
    until: Until = None,
    page: Page = 1,
    page_size: PageSize = PAGE_SIZE,
) -> BackupList:
    """Backups that fit every filter given, newest first.

    `destination`: only backups with a copy there; `state` is then that copy's. `from` and `to`
    limit when they started: at or after `from`, and before `to`; ISO 8601 with an offset.
    """
    belfry = app()
    destination_is_known(belfry, destination)
    first, end = span(since, until)
    wanted = {
        "summary.source": source,
        "summary.database": database,
        "summary.schedule_id": schedule_id,
    }

    def fits(one: Backup) -> bool:
        there = [copy for copy in one.copies if destination in (None, copy.destination)]
        return (
            bool(there)
            and (state is None or replace(one, copies=there).state == state)
            and (suspicious is None or bool(one.suspicions) == suspicious)
            and (first is None or one.summary.started_at >= first)
            and (end is None or one.summary.started_at < end)
        )

    found = found_for(belfry, by)
    those = [one for one in fitting(found.backups, wanted) if fits(one)]
    items, told = page_of(those, page, page_size)
    now = belfry.clock.now()
    return BackupList(
        backups=[BackupOut.of(one, now) for one in items],
        away=dict(found.away),
        unreadable=found.strange,
        lost=[LostOut.model_validate(one) for one in found.lost],
        locked=found.locked,
        **told,
    )


@router.get("/sources")
def list_sources(app: Provided, by: Asking) -> SourceList:
    """How each database stands: to what time it can be restored, and how long that takes; by all
    its backups together, and by each of its plans."""
    belfry = app()
    from shared.backups.status.plans import by_source

    service, now = belfry.backups(), belfry.clock.now()
    found = found_for(belfry, by)
    plans = [one for one in service.plans().lasting if by.sees(one.schedule.definition.project_id)]
    stands = by_source(service.standings(found, plans), found, now)
    shown = [SourceOut.model_validate(one) for one in stands]
    return SourceList(sources=shown, away=dict(found.away), locked=found.locked)


@router.post("/retention", responses={404: {}})
@needs(Role.VIEWER)
def try_retention(app: Provided, by: Asking, question: DryRun) -> DryRunOut:
    """What a plan's retention, or other rules, would remove now. Nothing is removed."""
    belfry = app()
    service = belfry.backups()
    scope.past_schedule(belfry, by, question.schedule_id, f"backup plan {question.schedule_id!r}")
    found = service.look()
    known = {one.id: one for one in found.backups}
    plan = question.schedule_id
    is_one = any(one.id == plan for one in service.plans().there)
    if not is_one and not any(one.summary.schedule_id == plan for one in found.backups):
        raise NotFound(f"there is no backup plan {plan!r}")
    verdicts = service.verdicts(found, plan, question.retention)
    shown = [
        VerdictOut.model_validate(asdict(known[one.id].summary) | asdict(one)) for one in verdicts
    ]
    kept = sum(one.keep for one in verdicts)
    return DryRunOut(backups=shown, kept=kept, removed=len(shown) - kept)


@router.get(ID)
def read_backup(app: Provided, by: Asking, backup_id: BackupId) -> BackupDetail:
    """One backup, with its manifest and every report of every copy."""
    belfry = app()
    service = belfry.backups()
    backup = found_for(belfry, by).find(backup_id)
    now = belfry.clock.now()
    try:
        manifest = service.manifest(backup).to_json()
    except Damaged as error:
        return BackupDetail.whole(backup, now, None, str(error))
    return BackupDetail.whole(backup, now, manifest, None)


@router.post(ID + "/link")
@needs(Role.ADMIN)
def link_backup(
    app: Provided, by: Asking, backup_id: BackupId, request: NewLink | None = None
) -> Link:
    """Links that read the backup's blob, its checksum and its manifest until they expire.

    For a backup that is not verified, the request must name a destination.
    """
    belfry = app()
    request = request or NewLink()
    backup, copy = chosen(belfry, by, backup_id, request.destination)
    copy = copy or backup.good[0]
    if copy.stored is None:
        raise Conflict(f"{copy.blob} is gone from {copy.destination}; something removed it")
    lasts = timedelta(minutes=request.minutes)
    with belfry.audit.changing(by, Action.LINK, _subject(belfry, backup)) as change:
        urls, until = belfry.backups().links(backup, copy, lasts)
        change.after = {"destination": copy.destination, "expires_at": until}
    return Link(
        url=urls[copy.blob],
        checksum_url=urls.get(checksum_name(copy.blob)),
        manifest_url=urls.get(manifest_name(copy.blob)),
        expires_at=until,
        sha256=backup.summary.sha256,
        bytes=backup.summary.bytes,
        file=copy.blob.rpartition("/")[2],
        destination=copy.destination,
    )


@router.post(ID + "/verify", status_code=202, response_model=Asked)
def verify_backup(
    app: Provided, by: Asking, backup_id: BackupId, once: Once, request: Verify | None = None
) -> Response:
    """Prove it again: each copy is read back, restored and compared. See the job's result."""
    belfry = app()
    request = request or Verify()
    backup, _ = chosen(belfry, by, backup_id, request.destination, proved=False)
    given = request.model_dump(mode="json")
    return once.answered(belfry, partial(_asked, belfry, by, VERIFY, backup, given))


@router.post(ID + "/restore", status_code=202, response_model=Asked)
@needs(Role.ADMIN, everything=True)
def restore_backup(
    app: Provided, by: Asking, backup_id: BackupId, once: Once, request: Restore | None = None
) -> Response:
    """Restore it into a new or empty database; the job's result gives its name.

    It is restored over a database that is not empty only if that name is given twice. A backup that
    is not verified is refused, unless the request names the copy to take.
    """
    belfry = app()
    request = request or Restore()
    with named_plainly():
        belfry.registry.get(RESTORE).parse(_order(backup_id, request.model_dump()))
    backup, _ = chosen(belfry, by, backup_id, request.destination)
    given = request.model_dump()
    return once.answered(belfry, partial(_asked, belfry, by, RESTORE, backup, given))


@router.post(ID + "/accept")
def accept_backup(app: Provided, by: Asking, backup_id: BackupId) -> BackupOut:
    """Confirm that a suspicious backup is as it should be, so that retention goes on."""
    belfry = app()
    service = belfry.backups()
    backup = found_for(belfry, by).find(backup_id)
    before = {"suspicions": list(backup.suspicions)}
    with belfry.audit.changing(by, Action.ACCEPT, _subject(belfry, backup), before):
        service.accept(backup)
    return BackupOut.of(backup, belfry.clock.now())


@router.delete(ID, status_code=204, response_class=Response)
@needs(Role.ADMIN)
def delete_backup(app: Provided, by: Asking, backup_id: BackupId, force: Boolean = False) -> None:
    """Remove every copy of it, unless its plan's retention keeps it.

    `force` overrides that, and removes what can be reached even if a destination does not answer;
    but the last verified backup of a plan's database is never removed while the plan exists.
    """
    belfry = app()
    service = belfry.backups()
    found = found_for(belfry, by)
    backup = found.find(backup_id)
    if found.away and not force:
        names = ", ".join(found.away)
        text = f"{names} did not answer; a copy may lie there (?force=true deletes the others)"
        raise Unavailable("backup destinations", text)
    before = {**asdict(backup.summary), "copies": [one.destination for one in backup.copies]}
    with belfry.audit.changing(by, Action.DELETE, _subject(belfry, backup), before):
        service.delete(found, backup, force=force)


def _asked(
    belfry: App,
    by: Caller,
    task_name: str,
    backup: Backup,
    given: dict[str, Any],
    agreed: Agreed,
) -> Response:
    """The order belongs to the project of the backup, whose callers then see its job."""
    task = belfry.registry.get(task_name)
    action = Action.RESTORE if task_name == RESTORE else Action.VERIFY
    subject = _subject(belfry, backup)
    with named_plainly(), belfry.audit.changing(by, action, subject) as change:
        asked = run_once(
            belfry.manager,
            belfry.clock,
            task,
            _order(backup.id, given),
            name=f"{task_name} {backup.id[:8]}",
            project_id=subject.project_id,
            agreed=agreed,
            by=by,
        )
        change.after = {"job_id": asked.job_id, **given}
    return told(Asked.model_validate(asked), 202)


def _subject(belfry: App, backup: Backup) -> Subject:
    """The backup, which belongs to the project of the plan that took it."""
    plan = backup.summary.schedule_id
    return Subject("backup", backup.id, scope.projects_of(belfry, [plan]).get(plan))


def _order(backup_id: str, given: dict[str, Any]) -> dict[str, object]:
    """The parameters of the order's task."""
    order = {name: value for name, value in given.items() if value not in (None, [])}
    return {"backup_id": backup_id, **order}
