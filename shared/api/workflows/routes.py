"""`/api/v1/workflows`: make, list, read, change, check, draw, delete (O1)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.exceptions import RequestValidationError

from shared.access import Caller
from shared.api import scope
from shared.api.answers import GUARDED, MADE, TAGGED, UNCHANGED, IfStill, Unless, tagged
from shared.api.bodies import JSON
from shared.api.deps import Asking, Provided
from shared.api.fields import formed
from shared.api.idempotency import Once
from shared.api.lists import PAGE_SIZE, Page, PageSize, fitting, page_of
from shared.api.places import any_part
from shared.api.query import Boolean, Number
from shared.api.workflows.shapes import (
    CheckedWorkflow,
    CheckResult,
    NewWorkflow,
    VersionList,
    VersionOut,
    VersionWhole,
    WorkflowChange,
    WorkflowList,
    WorkflowOut,
    WorkflowWhole,
)
from shared.app import App
from shared.engine.commands.agreed import Agreed
from shared.errors import Invalid, NotFound, Stale
from shared.workflows.interval import ScheduleConfig
from shared.workflows.saved.model import RESERVED, WORKFLOW_ID, Workflow
from shared.workflows.texts import READERS

router = APIRouter(prefix="/api/v1/workflows", tags=["workflows"])


any_part("workflow_id", *RESERVED)
_ID = "/{workflow_id:workflow_id}"
WorkflowId = Annotated[
    str,
    Path(json_schema_extra={"pattern": f"^{WORKFLOW_ID}$"}),
    formed(WORKFLOW_ID, "it is no id of a workflow; GET /api/v1/workflows lists them"),
]
VersionDigest = Annotated[
    str,
    Path(json_schema_extra={"pattern": "^[0-9a-f]{64}$"}),
    formed("[0-9a-f]{64}", "it is no version; GET .../versions lists them"),
]
_TEXT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Mermaid"}
}


async def _sent(request: Request) -> tuple[bytes, str]:
    """(a body as it came, its media type)."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    as_json = kind.startswith("application/") and kind.endswith("+json")
    return await request.body(), JSON if as_json else kind


_Sent = Annotated[tuple[bytes, str], Depends(_sent)]
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/WorkflowPart"}}},
    }
}


@router.get("/schema")
def read_workflow_schema() -> dict[str, Any]:
    """The JSON Schema of a definition."""
    from shared.workflows.schema import schema

    return schema()


@router.post("/check")
def check_workflow(app: Provided, by: Asking, given: CheckedWorkflow) -> CheckResult:
    """What would be refused, without saving anything."""
    from shared.workflows.reading import read

    belfry = app()
    project_id = scope.new_project(by, given.project_id)
    wanted = read(given.definition)
    found = belfry.workflows().problems(by, given.id, wanted, project_id)
    return CheckResult.of(wanted.definition, found)


@router.post("", status_code=201, response_model=WorkflowWhole, responses=MADE)
def create_workflow(app: Provided, by: Asking, once: Once, new: NewWorkflow) -> Response:
    """Make a workflow. Its definition is checked, and refused with the name of the field."""
    from shared.workflows.reading import read

    belfry = app()
    project_id = scope.new_project(by, new.project_id)
    wanted = read(new.definition)

    def make(agreed: Agreed) -> Response:
        made = belfry.workflows().create(
            by,
            new.id,
            wanted,
            project_id,
            is_active=new.is_active,
            schedule=new.schedule_config.applied(ScheduleConfig()),
            agreed=agreed,
        )
        return _shown(belfry, made, 201)

    return once.answered(belfry, make)


@router.get("")
def list_workflows(
    app: Provided,
    by: Asking,
    project_id: Number | None = None,
    is_active: Boolean | None = None,
    page: Page = 1,
    page_size: PageSize = PAGE_SIZE,
) -> WorkflowList:
    """The workflows of the caller's projects, or of one, by their ids."""
    belfry = app()
    found = fitting(belfry.workflows().all(by, project_id), {"is_active": is_active})
    items, told = page_of(found, page, page_size)
    now = belfry.clock.now()
    return WorkflowList(workflows=[WorkflowOut.of(one, now) for one in items], **told)


@router.get(_ID, response_model=WorkflowWhole, responses=UNCHANGED)
def read_workflow(app: Provided, by: Asking, workflow_id: WorkflowId, unless: Unless) -> Response:
    """A workflow, with its present definition."""
    belfry = app()
    return unless(_shown(belfry, belfry.workflows().get(by, workflow_id)))


@router.put(_ID, response_model=WorkflowWhole, responses=TAGGED | GUARDED, openapi_extra=_BODY)
def put_workflow(
    app: Provided,
    by: Asking,
    workflow_id: WorkflowId,
    sent: _Sent,
    still: IfStill,
    request: Request,
    project_id: Number | None = None,
) -> Response:
    """Save a definition: the body is the definition itself, as JSON, or as YAML with the header
    `Content-Type: application/yaml`. If there is no such workflow, it is made, in `project_id`.
    Runs that have begun end on the version that they began with."""
    from shared.workflows.reading import read_body

    belfry = app()
    book = belfry.workflows()
    data, kind = sent
    if not data or kind not in READERS:
        what = "model_attributes_type" if data else "missing"
        raise RequestValidationError([{"type": what, "loc": ("body",), "msg": ""}])
    wanted = read_body(data, kind)
    before = _existing(belfry, by, workflow_id)
    if before is None and "If-Match" in request.headers:
        raise Stale(f"there is no workflow {workflow_id!r}")
    if before is None:
        made = book.create(by, workflow_id, wanted, scope.new_project(by, project_id))
        return _shown(belfry, made)
    if project_id is not None and project_id != before.project_id:
        raise Invalid("project_id", f"{workflow_id} is of another project, and stays there")
    return _shown(belfry, book.save(by, before, wanted, still=still))


@router.patch(_ID, response_model=WorkflowWhole, responses=TAGGED | GUARDED)
def change_workflow(
    app: Provided, by: Asking, workflow_id: WorkflowId, changes: WorkflowChange, still: IfStill
) -> Response:
    """Change its name, whether it runs by itself, and how often."""
    belfry = app()
    config = changes.schedule_config
    made = belfry.workflows().change(
        by,
        workflow_id,
        name=changes.name,
        is_active=changes.is_active,
        schedule=None if config is None else config.applied,
        still=still,
    )
    return _shown(belfry, made)


@router.delete(_ID, status_code=204, response_class=Response, responses=GUARDED)
def delete_workflow(app: Provided, by: Asking, workflow_id: WorkflowId, still: IfStill) -> None:
    """Delete it. Refused while it has runs that have not ended; its versions and runs stay."""
    app().workflows().delete(by, workflow_id, still=still)


@router.get(_ID + "/versions")
def list_workflow_versions(
    app: Provided,
    by: Asking,
    workflow_id: WorkflowId,
    page: Page = 1,
    page_size: PageSize = PAGE_SIZE,
) -> VersionList:
    """Its versions, the newest first."""
    book = app().workflows()
    items, told = page_of(book.versions(book.get(by, workflow_id)), page, page_size)
    return VersionList(versions=[VersionOut.of(one) for one in items], **told)


@router.get(_ID + "/versions/{version}")
def read_workflow_version(
    app: Provided, by: Asking, workflow_id: WorkflowId, version: VersionDigest
) -> VersionWhole:
    """A version, with what it says."""
    book = app().workflows()
    return VersionWhole.whole(book.version(book.get(by, workflow_id), version))


@router.get(_ID + "/diagram", response_class=Response, responses=_TEXT)
def draw_workflow(app: Provided, by: Asking, workflow_id: WorkflowId) -> Response:
    """Its steps as a diagram in Mermaid's language."""
    from shared.workflows.diagram import of_definition

    book = app().workflows()
    found = book.definition(book.get(by, workflow_id))
    return Response(of_definition(found), media_type="text/plain; charset=utf-8")


def _existing(belfry: App, by: Caller, workflow_id: str) -> Workflow | None:
    try:
        return belfry.workflows().get(by, workflow_id)
    except NotFound:
        return None


def _shown(belfry: App, one: Workflow, status: int = 200) -> Response:
    text = belfry.workflows().text(one)
    at = f"{router.prefix}/{one.id}" if status == 201 else None
    return tagged(one, WorkflowWhole.whole(one, text, belfry.clock.now()), status, at=at)
