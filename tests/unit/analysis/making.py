"""Findings for tests."""

from __future__ import annotations

from typing import Any

from shared.analysis.model import Found, Severity, Tool


def found(**more: Any) -> Found:
    """A finding that differs from the usual one in these."""
    usual: dict[str, Any] = {
        "tool": Tool.BANDIT,
        "rule": "B602",
        "severity": Severity.HIGH,
        "message": "a shell",
        "path": "a.py",
        "line": 3,
        "fingerprint": "abc:1",
    }
    return Found(**usual | more)
