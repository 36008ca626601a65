"""The check of the project's own Bicep files: infra/main.bicep and all that it refers to."""

from dataclasses import replace
from pathlib import Path

from checks.bicep.program import load
from checks.outcome import Outcome


def check(root: Path) -> Outcome:
    main = root / "infra" / "main.bicep"
    if not main.is_file():
        return Outcome("there is no infra/main.bicep")
    program = load(main)
    count = len(program.files)
    problems = (
        replace(problem, path=problem.path.relative_to(root)) for problem in program.problems
    )
    return Outcome(f"{count} Bicep files", tuple(map(str, problems)))
