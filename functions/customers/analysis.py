"""Analyses a Git repository of the project: what is unsafe in it, and what its dependencies are
known for (`security`); also its quality, languages and sizes (`full`). docs/analysis.md.

python -m functions analysis --params '{"repository_id": 42}'
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from shared.analysis.model import AnalysisKind
from shared.analysis.port import AnalysisService
from shared.resources.checks import repository_fits
from shared.resources.port import ResourceService
from shared.tasks import JobContext, Result, task
from shared.tasks.customers import CustomerParams, ResourceId
from shared.tasks.model import Flag
from shared.tasks.proposed import Proposed

_BRANCH = r"^([^\s~^:?*\[\\/.][^\s~^:?*\[\\]*)?$"


class AnalysisParams(CustomerParams):
    """What is analysed, and how."""

    RESOURCES: ClassVar[tuple[str, ...]] = ("repository_id",)

    repository_id: ResourceId
    """Of the schedule's project (`/api/v1/repositories`)."""
    analysis_type: AnalysisKind = AnalysisKind.SECURITY
    """`security`, or `full`: also the quality of the code, its languages, sizes and complexity."""
    include_dependencies: Flag = True
    """Whether the packages that lock files name are looked up in OSV's database."""
    branch: str = Field(default="", max_length=255, pattern=_BRANCH, examples=["main"])
    """Default: the repository's own setting, and else what it says is its default."""
    max_files: int | None = Field(default=None, ge=1, le=20_000)
    """Files beyond these are left out, which the result says. Default: 20,000."""
    max_megabytes: int | None = Field(default=None, ge=1, le=200)
    """Of the repository; a larger one fails. Default: 200 as it is sent, 300 unpacked."""


def _fits(
    params: AnalysisParams,
    proposed: Proposed,
    resources: ResourceService,
    analyses: AnalysisService,
) -> None:
    found = repository_fits(resources, params.repository_id, proposed)
    if found is not None:
        analyses.hold(found.what.url)


@task(
    "analysis",
    timeout_seconds=3600,
    misfire_grace_seconds=3600,
    max_concurrent=8,
    check=_fits,
    for_projects=True,
    repeatable=True,
)
def analysis(job: JobContext, params: AnalysisParams, analyses: AnalysisService) -> Result:
    """Analyses a Git repository: unsafe code, secrets, vulnerable dependencies; its quality."""
    size = params.max_megabytes
    return analyses.run(
        job,
        repository_id=params.repository_id,
        kind=params.analysis_type,
        branch=params.branch,
        dependencies=params.include_dependencies,
        max_files=params.max_files,
        max_bytes=None if size is None else size * 1024 * 1024,
    )
