"""Python's code, by bandit: what is unsafe. It reads no settings of the repository: neither
`.bandit` nor `pyproject.toml`."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from shared.analysis.inside.saying import Time, files, finding, said
from shared.analysis.limits import Limits

_SEVERITIES = {"HIGH": "high", "MEDIUM": "medium", "LOW": "low"}
_ENDS = (".py", ".pyi", ".pyw")
_AT_ONCE = 50
_TELLING = ("B105", "B106", "B107")
"""Rules whose messages have the password in them."""


def main(order: Mapping[str, Any]) -> dict[str, Any]:
    from bandit.core import config, manager

    logging.disable(logging.CRITICAL)
    src, limits = Path(order["src"]), Limits(**order["limits"])
    asserts = {"include": set(), "exclude": {"B101"}}  # each test has hundreds
    scan = manager.BanditManager(config.BanditConfig(), "file", quiet=True, profile=asserts)
    places = [str(place) for path, place in files(src) if path.endswith(_ENDS)]
    time, begun = Time(limits), 0
    while begun < len(places) and not time.is_over():
        scan.files_list = places[begun : begun + _AT_ONCE]
        scan.run_tests()
        begun += len(scan.files_list)
    findings: list[dict[str, Any]] = []
    rules: dict[str, dict[str, str]] = {}
    for issue in scan.get_issue_list():
        severity = _SEVERITIES.get(str(issue.severity), "low")
        name = str(issue.test).replace("_", " ")
        message = f"possible password in the code ({name})"
        findings.append(
            finding(
                str(issue.test_id),
                severity,
                message if issue.test_id in _TELLING else str(issue.text),
                Path(issue.fname).relative_to(src).as_posix(),
                int(issue.lineno),
                column=int(issue.col_offset) + 1,
                end_line=int(issue.linerange[-1]) if issue.linerange else 0,
            )
        )
        help_url = f"https://bandit.readthedocs.io/en/{version('bandit')}/"
        rules[str(issue.test_id)] = {
            "name": name,
            "help": f"{name} ({issue.test_id})",
            "url": help_url,
            "severity": severity,
        }
    skipped, late = len(scan.get_skipped()), len(places) - begun
    note = f"{skipped} files could not be read as Python" if skipped else ""
    trouble = f"there was no time for {late} files" if late > 0 else ""
    made = said(src, findings, rules, version("bandit"), limits.findings, trouble)
    return made | {"note": note}
