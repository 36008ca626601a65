"""Part 1, front-end lint: ESLint for scripts, stylelint for style sheets, html-validate for pages
and mails as they are rendered. The rules are in `frontend/`."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from checks.safety import pages, tools
from checks.safety.finding import CouldNotRun, Finding, Note, Problem

_FIX = "change the file; the rule is named, and frontend/ has its configuration"


def check(root: Path) -> Iterator[Finding]:
    """Everything that pages and mails are made of. Raises `CouldNotRun`."""
    found = [path for site in pages.SITES for path in pages.sources(root, site)]
    scripts = [path for path in found if path.suffix == ".js"]
    styles = [path for path in found if path.suffix == ".css"]
    yield from lint_scripts(root, scripts)
    yield from lint_styles(root, styles)
    yield from lint_html(pages.pages(), "pages.json")
    yield from lint_html(pages.mails(), "mails.json")
    html = len(pages.pages()) + len(pages.mails())
    yield Note(f"scripts: {len(scripts)}, style sheets: {len(styles)}, pages and mails: {html}")


def lint_scripts(root: Path, files: Sequence[Path]) -> Iterator[Problem]:
    """ESLint's findings."""
    config = str(tools.FOLDER / "eslint.config.mjs")
    for file in _lint("eslint/bin/eslint.js", ["--format=json", "--config", config], files, root):
        for one in file["messages"]:
            yield _problem(file["filePath"], root, one, one["message"], one.get("ruleId"))


def lint_styles(root: Path, files: Sequence[Path]) -> Iterator[Problem]:
    """stylelint's findings."""
    config = str(tools.FOLDER / "stylelint.config.mjs")
    arguments = ["--formatter=json", "--config", config, "--allow-empty-input"]
    for file in _lint("stylelint/bin/stylelint.mjs", arguments, files, root):
        for one in file["warnings"]:
            yield _problem(file["source"], root, one, one["text"], one.get("rule"))


def lint_html(documents: Mapping[str, str], config: str) -> Iterator[Problem]:
    """html-validate's findings in documents, which have the names of files."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, name) for name in documents]
        for file in files:
            file.write_text(documents[file.name])
        arguments = ["--formatter=json", "--config", str(tools.FOLDER / config)]
        for document in _lint("html-validate/bin/html-validate.mjs", arguments, files, folder):
            for one in document["messages"]:
                yield _problem(document["filePath"], folder, one, one["message"], one["ruleId"])


def _lint(
    script: str, arguments: Sequence[str], files: Sequence[Path], folder: Path | str
) -> list[dict[str, Any]]:
    """What the tool says of each file, in JSON, on whichever stream."""
    if not files:
        return []
    done = tools.run(script, *arguments, *map(str, files), folder=Path(folder))
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout or done.stderr)
    except ValueError:
        raise CouldNotRun(f"{script} failed: {done.stdout}{done.stderr}") from None
    return found


def _problem(
    file: str, folder: Path | str, place: Mapping[str, Any], text: str, rule: str | None
) -> Problem:
    path = Path(file)
    name = path.relative_to(folder) if path.is_relative_to(folder) else path
    return Problem(f"{name}:{place.get('line')}: {text} [{rule}]", _FIX)
