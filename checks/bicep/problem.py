"""A problem: where it is, what is wrong there, and what would be right."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(slots=True)
class Report:
    """The problems of one file, gathered while it is read and checked. None is told twice."""

    path: Path
    _found: dict[Problem, None] = field(default_factory=dict)

    def add(self, line: int, message: str) -> None:
        self._found[Problem(self.path, line, message)] = None

    @property
    def problems(self) -> tuple[Problem, ...]:
        return tuple(sorted(self._found))
