"""Gate: no deployed package has a known hole.

pip-audit asks PyPI's database of advisories. Where that cannot be reached, the check says so, and
passes; with `--online` (in the workflows) it must be reached. An advisory that does not matter here
needs a line in `exceptions.toml` with the reason.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from checks.safety import exceptions
from checks.safety.finding import Finding, Note, Problem

_TIMEOUT = 300
_AWAY = "no database of known holes can be reached from here"


def check(root: Path, *, online: bool) -> Iterator[Finding]:
    """Each package of requirements.txt. `online`: the database must be reached."""
    audited = audit(root / "requirements.txt")
    if not audited and online:
        yield Problem(_AWAY, "run it again; if it stays so, look whether PyPI answers")
    elif not audited:
        yield Note(f"{_AWAY}: not looked at")
    else:
        yield from judge(audited, exceptions.read(root).holes)
        yield Note(f"packages without a known hole: {len(audited)}")


def judge(audited: list[dict[str, Any]], excused: dict[str, str]) -> Iterator[Problem]:
    """The holes that nothing excuses, and the excuses that excuse nothing any more."""
    found: set[str] = set()
    for package in audited:
        if reason := package.get("skip_reason"):
            yield Problem(reason, "see whether the package is still on PyPI")
        for hole in package.get("vulns", ()):
            ids = {hole["id"], *hole["aliases"]}
            found |= ids
            if not ids & excused.keys():
                fixed = ", ".join(hole["fix_versions"]) or "no version yet"
                what = f"{package['name']} {package['version']}: {hole['id']}, fixed in {fixed}"
                do = "run `make lock`; if it does not matter here, say why in exceptions.toml"
                yield Problem(what, do)
    for id in sorted(excused.keys() - found):
        yield Problem(f"{id} is excused, and no longer there", "remove it from exceptions.toml")


def audit(requirements: Path) -> list[dict[str, Any]]:
    """What the database knows of each package, as pip-audit says it; nothing if it cannot be
    reached. A mirror that knows none of the packages is no database of holes."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(requirements)]
    command += ["--no-deps", "--disable-pip", "--format=json", "--progress-spinner=off"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_TIMEOUT, check=False
        )
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError):
        return []
    return packages if any("vulns" in one for one in packages) else []
