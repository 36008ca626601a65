"""`/api/v1/analyses`: what analyses of repositories found (C12)."""

from __future__ import annotations

import json
from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from shared.access import Caller
from shared.analysis import rows, sarif
from shared.analysis.model import Analysis, FindingState, Severity, Tool
from shared.api.analyses.shapes import AnalysisList, AnalysisOut, FindingList, FindingOut
from shared.api.deps import Asking, Provided
from shared.api.fields import formed
from shared.api.lists import PAGE_SIZE, Page, PageSize, counts
from shared.api.query import Number
from shared.app import App
from shared.errors import NotFound
from shared.tasks import customers

router = APIRouter(prefix="/api/v1/analyses", tags=["analyses"])

SARIF = "application/sarif+json"

AnalysisId = Annotated[
    str,
    Path(json_schema_extra={"pattern": f"^{rows.ID}$"}),
    formed(rows.ID, "it is no id of an analysis; GET /api/v1/analyses lists them"),
]
_Repository = Annotated[
    Annotated[str, formed(customers.ID, "give a repository's id, such as 42")] | None,
    Query(
        description="Only of this repository.", json_schema_extra={"pattern": f"^{customers.ID}$"}
    ),
]


@router.get("")
def list_analyses(
    app: Provided,
    by: Asking,
    repository_id: _Repository = None,
    project_id: Number | None = None,
    page: Page = 1,
    page_size: PageSize = PAGE_SIZE,
) -> AnalysisList:
    """The analyses of the caller's projects that ended, newest first."""
    found, total = app().analyses().page(by.among(project_id), repository_id, page, page_size)
    return AnalysisList(
        analyses=[AnalysisOut.of(one) for one in found], **counts(total, page, page_size)
    )


@router.get("/{analysis_id}")
def read_analysis(app: Provided, by: Asking, analysis_id: AnalysisId) -> AnalysisOut:
    """One analysis: how many findings there are, and what else it says of the repository."""
    return AnalysisOut.of(_seen(app(), by, analysis_id))


@router.get("/{analysis_id}/findings")
def list_findings(
    app: Provided,
    by: Asking,
    analysis_id: AnalysisId,
    state: FindingState | None = None,
    severity: Severity | None = None,
    tool: Tool | None = None,
    page: Page = 1,
    page_size: PageSize = PAGE_SIZE,
) -> FindingList:
    """What an analysis found, by tool, path and line; also what is gone."""
    belfry = app()
    analysis = _seen(belfry, by, analysis_id)
    fitting = (
        one
        for one in belfry.analyses().of(analysis)
        if (state is None or one.state is state)
        and (severity is None or one.severity == severity.value)
        and (tool is None or one.tool == tool.value)
    )
    before = sum(1 for _ in islice(fitting, (page - 1) * page_size))
    shown = [FindingOut.model_validate(one) for one in islice(fitting, page_size)]
    total = before + len(shown) + sum(1 for _ in fitting)
    return FindingList(findings=shown, **counts(total, page, page_size))


@router.get("/{analysis_id}/sarif", response_class=Response)
def read_sarif(app: Provided, by: Asking, analysis_id: AnalysisId, gone: bool = False) -> Response:
    """What an analysis found, as SARIF 2.1.0 (`application/sarif+json`), as GitHub takes it.

    `gone`: also what is gone, as results whose `baselineState` is `absent`. GitHub takes every
    result for one that is there, so they are left out by default."""
    belfry = app()
    analysis = _seen(belfry, by, analysis_id)
    data = belfry.analyses().sarif(analysis)
    if not gone:
        data = sarif.as_bytes(sarif.without_gone(json.loads(data)))
    name = f'attachment; filename="{analysis.id}.sarif"'
    return Response(data, media_type=SARIF, headers={"Content-Disposition": name})


def _seen(belfry: App, by: Caller, analysis_id: str) -> Analysis:
    """The analysis. Raises `NotFound`, also if the caller does not see it."""
    project = rows.belongs_to(analysis_id)
    if not by.sees(project):
        raise NotFound(f"there is no analysis {analysis_id!r}")
    return belfry.analyses().get(analysis_id)
