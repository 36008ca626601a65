"""Secrets in any file, by detect-secrets: nothing is verified over the network, no baseline and no
plugin of the repository is read, and of a secret only a hash leaves this program."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from shared.analysis import prints
from shared.analysis.inside.saying import Slow, Time, files, finding, missed, said, within
from shared.analysis.limits import Limits

_SECONDS = 20
_LIMITS = {"Base64HighEntropyString": 4.5, "HexHighEntropyString": 3.0}
_FILTERS = (
    "detect_secrets.filters.allowlist.is_line_allowlisted",
    "detect_secrets.filters.heuristic.is_indirect_reference",
    "detect_secrets.filters.heuristic.is_likely_id_string",
    "detect_secrets.filters.heuristic.is_lock_file",
    "detect_secrets.filters.heuristic.is_not_alphanumeric_string",
    "detect_secrets.filters.heuristic.is_potential_uuid",
    "detect_secrets.filters.heuristic.is_prefixed_with_dollar_sign",
    "detect_secrets.filters.heuristic.is_sequential_string",
    "detect_secrets.filters.heuristic.is_swagger_file",
    "detect_secrets.filters.heuristic.is_templated_secret",
)


def main(order: Mapping[str, Any]) -> dict[str, Any]:
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
    from detect_secrets.core.scan import scan_file
    from detect_secrets.settings import transient_settings

    logging.disable(logging.CRITICAL)
    src, limits = Path(order["src"]), Limits(**order["limits"])
    classes: dict[str, Any] = get_mapping_from_secret_type_to_class()
    names: list[str] = sorted(one.__name__ for one in classes.values())
    plugins: list[dict[str, Any]] = [
        {"name": one} | ({"limit": _LIMITS[one]} if one in _LIMITS else {}) for one in names
    ]
    findings: list[dict[str, Any]] = []
    rules: dict[str, dict[str, str]] = {}
    slow: list[str] = []
    time, late = Time(limits), 0
    wanted = {"plugins_used": plugins, "filters_used": [{"path": one} for one in _FILTERS]}
    with transient_settings(wanted):
        for path, place in files(src):
            if time.is_over():
                late += 1
                continue
            try:
                with within(_SECONDS):
                    found = list(scan_file(str(place)))
            except Slow:
                slow.append(path)
                continue
            for secret in found:
                findings.append(_finding(path, secret))
                rules.setdefault(*_rule(secret.type))
    trouble = missed(slow, late)
    return said(src, findings, rules, version("detect-secrets"), limits.findings, trouble)


def _finding(path: str, secret: Any) -> dict[str, Any]:
    rule, _ = _rule(secret.type)
    return finding(
        rule,
        "high",
        f"possible secret: {secret.type}",
        path,
        int(secret.line_number or 1),
        fingerprint=prints.of_words(rule, str(secret.secret_hash)),
    )


def _rule(kind: str) -> tuple[str, dict[str, str]]:
    words = "".join(one.lower() if one.isalnum() else " " for one in kind).split()
    said = f"possible secret in a file: {kind}. Revoke it, and keep the next one elsewhere."
    return "-".join(words), {"name": kind, "help": said, "url": "", "severity": "high"}
