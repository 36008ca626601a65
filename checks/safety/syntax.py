"""Part 3, back-end syntax: every file compiles on the oldest Python that is supported, and on the
one that is deployed; the whole app loads by Microsoft's own worker library, under the host's rules.

One import error anywhere, and Azure shows no function at all, without a traceback.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from checks.safety.finding import CouldNotRun, Finding, Note, Problem

VERSIONS = ("3.11", "3.12")
"""The oldest that is supported (`requires-python`), and the one that is deployed."""
FOLDERS = ("belfry", "bench", "checks", "functions", "local", "shared", "tests")
_REPOSITORY = Path(__file__).parents[2]
_TIMEOUT = 120
_COMPILE = """
import json, sys, warnings
warnings.simplefilter("error", SyntaxWarning)
warnings.simplefilter("error", DeprecationWarning)  # what 3.11 says of a wrong escape
wrong = []
for name in json.load(sys.stdin):
    try:
        with open(name, "rb") as file:
            compile(file.read(), name, "exec", dont_inherit=True)
    except (SyntaxError, Warning, ValueError) as error:
        line = getattr(error, "lineno", None)
        wrong.append([name, line, getattr(error, "msg", None) or str(error)])
print(json.dumps(wrong))
"""


def check(root: Path) -> Iterator[Finding]:
    """Both. Raises `CouldNotRun`."""
    files = [root / "function_app.py"]
    files += sorted(
        path
        for folder in FOLDERS
        for path in (root / folder).rglob("*.py")
        if "node_modules" not in path.parts
    )
    for version in VERSIONS:
        yield from compiles(files, version, root)
    yield Note(f"files: {len(files)}, compiled for Python {' and '.join(VERSIONS)}")
    yield from loads(root)


def compiles(files: Sequence[Path], version: str, root: Path) -> Iterator[Finding]:
    """Each file on that Python, or as near to it as can be here."""
    python = _python(version)
    if python is None:
        yield Note(
            f"Python {version} is not on this machine; Python {sys.version_info.minor} of 3 parsed "
            "the files for it, which does not find everything"
        )
        wrong = list(_parsed(files, int(version.partition(".")[2])))
    else:
        wrong = _compiled(files, python)
    for name, line, text in wrong:
        path = Path(name).relative_to(root)
        yield Problem(
            f"{path}:{line}: {text} (Python {version})",
            f"write it so that Python {version} reads it without a warning",
        )


def loads(folder: Path, environ: dict[str, str] | None = None) -> Iterator[Finding]:
    """The app of the folder, with no setting but a storage, or with `environ`."""
    done = subprocess.run(
        [sys.executable, "-m", "checks.safety.loading", str(folder)],
        cwd=_REPOSITORY,
        env=_environment() if environ is None else environ,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
        check=False,
    )
    try:
        found = json.loads(done.stdout.strip().rpartition("\n")[2])
    except ValueError:
        raise CouldNotRun(f"the app could not be loaded: {done.stdout}{done.stderr}") from None
    for text in found["wrong"]:
        yield Problem(text, "until it is right, Azure leaves out the function, or all of them")
    yield Note(f"functions that Azure's worker library loads: {len(found['functions'])}")


def _environment() -> dict[str, str]:
    """A storage that nothing asks; and no settings of this machine, which would hide that the app
    does not load without them."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    example = json.loads((_REPOSITORY / "local.settings.json.example").read_text())["Values"]
    return kept | {
        "AzureWebJobsStorage": example["AzureWebJobsStorage"],
        "BELFRY_LOCAL_SETTINGS": os.devnull,
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _python(version: str) -> str | None:
    if version == f"3.{sys.version_info.minor}":
        return sys.executable
    finder = str(_REPOSITORY / "local" / "python.sh")
    done = subprocess.run(
        ["sh", finder, "pass", version], capture_output=True, text=True, check=True
    )
    return done.stdout.strip() or None


def _compiled(files: Sequence[Path], python: str) -> list[tuple[str, int | None, str]]:
    done = subprocess.run(
        [python, "-I", "-c", _COMPILE],
        input=json.dumps([str(path) for path in files]),
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
        check=False,
    )
    if done.returncode != 0:
        raise CouldNotRun(f"{python} could not compile: {done.stderr}")
    return [(name, line, text) for name, line, text in json.loads(done.stdout)]


def _parsed(files: Sequence[Path], minor: int) -> Iterator[tuple[str, int | None, str]]:
    for path in files:
        try:
            with warnings.catch_warnings(action="error"):
                ast.parse(path.read_bytes(), str(path), feature_version=(3, minor))
        except SyntaxError as error:
            yield str(path), error.lineno, error.msg
