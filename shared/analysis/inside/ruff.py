"""Python's code, by ruff: what is unsafe (`security`), and what is likely wrong too (`full`).

It reads no settings, no `.gitignore` and no cache of the repository.
https://docs.astral.sh/ruff/configuration/#full-command-line-interface
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from shared.analysis.inside.saying import finding, said
from shared.analysis.limits import Limits

_RULES = {"security": "S", "full": "S,E4,E7,E9,F,B,SIM,PERF"}
_HIGH = {"S102", "S301", "S307", "S501", "S602", "S605", "S608", "S701", "S506", "S302"}
_LOW = {"S110", "S112", "S311", "S603", "S606", "S607", "S104", "S108"}


def main(order: Mapping[str, Any]) -> dict[str, Any]:
    src, limits = Path(order["src"]), Limits(**order["limits"])
    raw = Path(order["out"] + ".raw")
    done = subprocess.run(
        [
            _program(raw.parent),
            "check",
            "--isolated",
            "--no-cache",
            "--no-fix",
            "--no-respect-gitignore",
            "--exclude=.git",
            "--target-version=py313",
            "--output-format=json-lines",
            "--exit-zero",
            f"--select={_RULES[order['kind']]}",
            "--ignore=S101",  # asserts: each test has hundreds
            f"--output-file={raw}",
            ".",
        ],
        cwd=src,
        check=False,
        capture_output=True,
        text=True,
    )
    findings: list[dict[str, Any]] = []
    rules: dict[str, dict[str, str]] = {}
    trouble = "" if done.returncode == 0 else f"ruff ended with {done.returncode}"
    if raw.exists():
        with raw.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                try:
                    _take(json.loads(line), src, findings, rules)
                except ValueError:
                    trouble = "ruff said more than may be kept"
    return said(src, findings, rules, version("ruff"), limits.findings, trouble)


def _take(
    one: Mapping[str, Any],
    src: Path,
    findings: list[dict[str, Any]],
    rules: dict[str, dict[str, str]],
) -> None:
    code = str(one["code"] or "invalid-syntax")
    severity = _severity(code)
    path = Path(one["filename"]).relative_to(src).as_posix()
    findings.append(
        finding(
            code,
            severity,
            str(one["message"]),
            path,
            one["location"]["row"],
            column=one["location"]["column"],
            end_line=one["end_location"]["row"],
            end_column=one["end_location"]["column"],
        )
    )
    name = str(one.get("name") or code)
    rules[code] = {
        "name": name,
        "help": f"{name.replace('-', ' ')} ({code})",
        "url": str(one.get("url") or ""),
        "severity": severity,
    }


def _severity(code: str) -> str:
    if not (code.startswith("S") and code[1:].isdecimal()):
        return "note"
    return "high" if code in _HIGH else "low" if code in _LOW else "medium"


def _program(scratch: Path) -> str:
    """Where ruff is. A package that was unpacked from a zip may have lost the right to run it."""
    from ruff.__main__ import find_ruff_bin

    found = find_ruff_bin()
    if os.access(found, os.X_OK):
        return str(found)
    own = scratch / "ruff"
    shutil.copyfile(found, own)
    own.chmod(0o700)
    return str(own)
