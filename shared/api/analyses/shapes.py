"""What the API returns for analyses of repositories."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from shared.analysis.model import Analysis, AnalysisKind, FindingState, Severity, Tool
from shared.api.lists import Paged
from shared.api.shown import Shown


class CountsOut(Shown):
    """Findings, by their state."""

    new: dict[Severity, int]
    """By severity; so are the others."""
    same: dict[Severity, int]
    gone: dict[Severity, int]


class ToolOut(Shown):
    """How a tool went."""

    tool: Tool
    version: str
    ran: bool
    ok: bool
    """Whether it looked at everything; only then what it did not find again is gone."""
    said: str
    """What went wrong, or what it did not look at."""


class LeftOutOut(Shown):
    """Files that nothing looked at."""

    reason: str
    count: int
    examples: list[str]


class LanguageOut(Shown):
    """The files of a language."""

    name: str
    files: int
    lines: int
    """Without empty ones."""
    bytes: int


class SizeOut(Shown):
    """A large file."""

    path: str
    bytes: int


class ComplexityOut(Shown):
    """How branched the functions are: the paths through them."""

    functions: int
    average: float
    highest: int


class RepositoryMeasures(Shown):
    """How large the repository is, and in what it is written; empty unless the kind is `full`."""

    languages: list[LanguageOut]
    largest: list[SizeOut]
    complexity: ComplexityOut | None


class AnalysisOut(Shown):
    """An analysis that ended, without its findings."""

    id: str
    project_id: int | None
    repository_id: str
    branch: str
    commit: str
    analysis_type: AnalysisKind
    schedule_id: str
    job_id: str
    analysed_at: datetime
    seconds: float
    files: int
    bytes: int
    complete: bool
    """Whether each tool that ran looked at everything."""
    findings: CountsOut
    dependencies: str
    """How the dependencies were checked, or why they were not."""
    tools: list[ToolOut]
    left_out: list[LeftOutOut]
    measures: RepositoryMeasures

    @classmethod
    def of(cls, one: Analysis) -> Self:
        by = {state.value: one.counts.by.get(state, {}) for state in FindingState}
        return cls(
            id=one.id,
            project_id=one.project_id,
            repository_id=one.repository_id,
            branch=one.branch,
            commit=one.commit,
            analysis_type=one.kind,
            schedule_id=one.schedule_id,
            job_id=one.job_id,
            analysed_at=one.at,
            seconds=one.seconds,
            files=one.files,
            bytes=one.bytes,
            complete=one.complete,
            findings=CountsOut.model_validate(by),
            dependencies=one.dependencies,
            tools=[ToolOut.model_validate(ran) for ran in one.tools],
            left_out=[LeftOutOut.model_validate(left) for left in one.left_out],
            measures=RepositoryMeasures.model_validate(one.measures),
        )


class AnalysisList(Paged):
    analyses: list[AnalysisOut]


class FindingOut(Shown):
    """What was found at one place."""

    tool: Tool
    rule: str
    level: str
    """SARIF's: error, warning or note."""
    severity: Severity
    message: str
    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    """From 1 on; 0: the tool does not say."""
    state: FindingState
    fingerprint: str
    """Stays the same when the line moves."""


class FindingList(Paged):
    findings: list[FindingOut]
