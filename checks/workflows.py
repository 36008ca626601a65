"""The workflows of GitHub Actions: right by their schema, and safe by zizmor's rules and ours.

zizmor (https://docs.zizmor.sh) looks offline for actions that are not pinned, for more rights than
needed, for text of strangers that reaches a shell, and the like, in its pedantic persona: of what
that adds here, nothing is noise. Ours: the version of a pinned action stands beside it, so that a
person can read it; and no workflow uses a secret, since Azure takes GitHub's own tokens (OIDC).
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from checks.outcome import Outcome

_FOLDER = ".github"
_USES = re.compile(r"\buses:\s*(?P<action>[^\s#]+)(?P<comment>.*)")
_PINNED = re.compile(r"[^@]+@[0-9a-f]{40}")
_VERSION = re.compile(r"\s*# v\d+\.\d+\.\d+\b")
_SECRET = re.compile(r"\bsecrets\s*(?:\.|\[)|secrets:\s*inherit")
_TIMEOUT = "custom.github-workflows-require-timeout"
_SCHEMAS = {
    "workflows/*.yml": ("vendor.github-workflows", _TIMEOUT),
    "dependabot.yml": ("vendor.dependabot",),
}


def check(root: Path) -> Outcome:
    """Every workflow, and what Dependabot is told."""
    files = sorted((root / _FOLDER / "workflows").glob("*.yml"))
    problems = [*by_schemas(root), *by_zizmor(root)]
    problems += [text for file in files for text in ours(file)]
    return Outcome(f"{len(files)} workflows", tuple(problems))


def ours(file: Path) -> Iterator[str]:
    """What our own rules say of a workflow."""
    for number, line in enumerate(file.read_text().splitlines(), start=1):
        place = f"{file.name}:{number}"
        if found := _USES.search(line):
            action, comment = found["action"], found["comment"]
            if not action.startswith("./") and not _PINNED.fullmatch(action):
                yield f"{place}: {action}: pin it by the 40 digits of a commit"
            elif not action.startswith("./") and not _VERSION.match(comment):
                yield f"{place}: {action}: write its version beside it, as `# v1.2.3`"
        if _SECRET.search(line.partition("#")[0]):
            yield f"{place}: uses a secret; Azure takes GitHub's own tokens (azure/login)"


def by_schemas(root: Path) -> Iterator[str]:
    """What does not fit GitHub's schemas, and jobs without a time limit."""
    for pattern, schemas in _SCHEMAS.items():
        files = [str(path) for path in sorted((root / _FOLDER).glob(pattern))]
        for schema in schemas if files else ():
            command = [sys.executable, "-m", "check_jsonschema", "--output-format", "json"]
            done = _run([*command, "--builtin-schema", schema, *files])
            for error in json.loads(done.stdout)["errors"]:
                said = "the job needs `timeout-minutes`" if schema == _TIMEOUT else error["message"]
                yield f"{Path(error['filename']).name}: {error['path']}: {said}"


def by_zizmor(root: Path) -> Iterator[str]:
    """What zizmor finds."""
    program = str(Path(sys.executable).parent / "zizmor")
    options = ["--offline", "--persona=pedantic", "--no-progress", "--format=json", "--quiet"]
    done = _run([program, *options, str(root / _FOLDER)])
    try:
        findings = json.loads(done.stdout)
    except ValueError:
        yield f"zizmor failed: {done.stderr.strip()}"
        return
    for one in findings:
        place = next(at for at in one["locations"] if at["symbolic"]["kind"] == "Primary")
        row = place["concrete"]["location"]["start_point"]["row"] + 1
        name = Path(place["symbolic"]["key"]["Local"]["verbatim_path"]).name
        yield f"{name}:{row}: {one['desc']} ({one['url']})"


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
