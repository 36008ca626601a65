"""What an analysis finds, and how that differs from the one before. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class AnalysisKind(StrEnum):
    """What is looked for."""

    FULL = "full"
    """Also the quality of the code, its languages, sizes and complexity."""
    SECURITY = "security"


class Tool(StrEnum):
    """What looks for it."""

    RUFF = "ruff"
    BANDIT = "bandit"
    SECRETS = "detect-secrets"
    LIZARD = "lizard"
    OSV = "osv"


class Severity(StrEnum):
    """How bad it is; the worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    NOTE = "note"
    """No matter of security."""


class FindingState(StrEnum):
    """How a finding compares with those of the analysis before."""

    NEW = "new"
    SAME = "same"
    GONE = "gone"


LEVELS: Mapping[Severity, str] = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.NOTE: "note",
}
"""SARIF's levels."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """What a tool looks for, by one of its names."""

    id: str
    name: str
    help: str
    """What it says to a person, in plain text."""
    url: str = ""
    severity: Severity = Severity.NOTE


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What a tool says of one place."""

    tool: Tool
    rule: str
    severity: Severity
    message: str
    path: str
    """Relative to the repository's root, with `/` between."""
    line: int
    """From 1 on; so are columns, 0 for none."""
    column: int = 0
    end_line: int = 0
    end_column: int = 0
    fingerprint: str = ""
    """Of the line and what follows it (`prints`), or what else tells it from others."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What was found in a repository, as people and exports read it."""

    tool: str
    rule: str
    level: str
    """error, warning or note."""
    severity: str
    message: str
    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    state: FindingState
    fingerprint: str
    project_id: int | None
    repository_id: str
    branch: str
    analysis_id: str
    commit: str
    at: datetime
    """When its commit was fetched."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftOut:
    """Files that nothing looked at, by one reason."""

    reason: str
    count: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    """How a tool went."""

    tool: Tool
    version: str
    ok: bool
    """Whether it looked at everything: only then what it does not find is gone."""
    said: str = ""
    """What went wrong, or why it did not run."""
    ran: bool = True
    """Whether it ran at all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """Findings by state, and by severity in each."""

    by: Mapping[FindingState, Mapping[Severity, int]]

    @classmethod
    def of(cls, states: Iterable[tuple[FindingState, Severity]]) -> Counts:
        """The counts of these."""
        counted = Counter(states)
        return cls(
            by={
                state: {one: counted[state, one] for one in Severity if counted[state, one]}
                for state in FindingState
            }
        )

    def total(self, state: FindingState) -> int:
        """All of that state."""
        return sum(self.by.get(state, {}).values())

    @property
    def severities(self) -> dict[Severity, int]:
        """Those that are there now, by severity."""
        there = Counter[Severity]()
        for state in (FindingState.NEW, FindingState.SAME):
            there.update(self.by.get(state, {}))
        return {one: there[one] for one in Severity if there[one]}


@dataclass(frozen=True, kw_only=True, slots=True)
class Language:
    """The files of one language."""

    name: str
    files: int
    lines: int
    """Without empty ones."""
    bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """A large file."""

    path: str
    bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Complexity:
    """How branched the code is, by lizard (full analyses)."""

    functions: int
    average: float
    """Paths through a function (cyclomatic complexity), rounded to 2 decimals."""
    highest: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Measures:
    """How large a repository is, and in what it is written (full analyses)."""

    languages: tuple[Language, ...] = ()
    largest: tuple[Size, ...] = ()
    complexity: Complexity | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Analysis:
    """An analysis that ended, without its findings."""

    id: str
    project_id: int | None
    repository_id: str
    branch: str
    commit: str
    """40 hexadecimal digits."""
    kind: AnalysisKind
    schedule_id: str
    job_id: str
    attempt: int
    """The attempt that ended it; its blobs have that number."""
    at: datetime
    """When its commit was fetched: the order of analyses."""
    seconds: float
    """What it took, fetching included."""
    files: int
    bytes: int
    """Of those files."""
    fetched: int
    """Bytes that came over the network."""
    counts: Counts
    tools: tuple[Ran, ...]
    dependencies: str
    """How the dependencies were checked, in words; also why they were not."""
    left_out: tuple[LeftOut, ...] = ()
    measures: Measures = field(default_factory=Measures)

    @property
    def complete(self) -> bool:
        """Whether each tool that ran looked at everything."""
        return all(one.ok for one in self.tools if one.ran)
