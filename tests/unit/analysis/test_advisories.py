"""Which versions a vulnerability is in, and what of OSV's entries is kept."""

from __future__ import annotations

from typing import Any

import pytest

from shared.analysis.advisories import Package, compact, matches
from shared.analysis.model import Severity
from shared.analysis.versions import NPM, PYPI, affected, fixed_in

RANGE = {"ranges": [[{"introduced": "1.0"}, {"fixed": "1.5"}]]}
TWICE = {
    "ranges": [[{"introduced": "0"}, {"fixed": "1.2"}, {"introduced": "2.0"}, {"fixed": "2.3"}]]
}
LAST = {"ranges": [[{"introduced": "0"}, {"last_affected": "3.1"}]]}


@pytest.mark.parametrize(
    ("entry", "version", "ecosystem", "hit"),
    [
        (RANGE, "0.9", PYPI, False),
        (RANGE, "1.0.0", PYPI, True),
        (RANGE, "1.4.99", PYPI, True),
        (RANGE, "1.5", PYPI, False),
        (RANGE, "1.5rc1", PYPI, True),
        (RANGE, "1.10", PYPI, False),
        (RANGE, "1.0.post1", PYPI, True),
        (TWICE, "1.1", PYPI, True),
        (TWICE, "1.9", PYPI, False),
        (TWICE, "2.2.9", PYPI, True),
        (LAST, "3.1", PYPI, True),
        (LAST, "3.1.1", PYPI, False),
        ({"versions": ["1.0"]}, "1.0.0", PYPI, True),
        ({"versions": ["weird"]}, "weird", PYPI, True),
        (RANGE, "weird", PYPI, False),
        (RANGE, "1.4.0", NPM, True),
        (RANGE, "1.5.0-beta.2", NPM, True),
        (RANGE, "1.5.0", NPM, False),
        (RANGE, "1.10.0", NPM, False),
        ({"ranges": [[{"introduced": "0"}, {"limit": "2.0"}]]}, "2.1", PYPI, False),
        ({}, "1.0", PYPI, False),
    ],
)
def test_which_versions_are_affected(
    entry: dict[str, Any], version: str, ecosystem: str, hit: bool
) -> None:
    assert affected(version, entry, ecosystem) is hit


def test_where_it_is_fixed() -> None:
    assert fixed_in("2.1", TWICE, PYPI) == "2.3"
    assert fixed_in("1.0", TWICE, PYPI) == "1.2"
    assert fixed_in("1.0", LAST, PYPI) == ""


def entry(**more: Any) -> dict[str, Any]:
    """An entry, as OSV has it."""
    return {
        "id": "PYSEC-2026-1",
        "summary": "Code  runs",
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": "Nice_Package"},
                "ranges": [
                    {"type": "GIT", "events": [{"introduced": "abc"}]},
                    {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0"}]},
                ],
                "versions": ["1.0", "1.1", "2.0.dev-odd"],
            },
            {"package": {"ecosystem": "npm", "name": "other"}},
        ],
        **more,
    }


def test_what_is_kept_of_an_entry() -> None:
    [(name, made)] = compact(entry(), PYPI)
    assert name == "nice-package"
    assert made["ranges"] == [[{"introduced": "0"}, {"fixed": "2.0"}]]
    assert made["versions"] == ["2.0.dev-odd"], "the others are in the range"
    assert (made["summary"], made["severity"]) == ("Code runs", "medium")
    assert list(compact(entry(withdrawn="2026-01-01T00:00:00Z"), PYPI)) == []


def test_of_entries_about_the_same_one_is_told() -> None:
    package = Package(PYPI, "nice.package", "1.5", "uv.lock", 9)
    github = entry(
        id="GHSA-1",
        aliases=["CVE-1", "PYSEC-2026-1"],
        database_specific={"severity": "HIGH"},
    )
    several = [made for one in (entry(), github) for _, made in compact(one, PYPI)]
    [(found, rule)] = matches(package, several)
    assert (found.rule, found.severity, found.line) == ("GHSA-1", Severity.HIGH, 9)
    assert found.message == "nice.package 1.5: Code runs; it is fixed in 2.0"
    assert "PYSEC-2026-1" in rule.help
    assert list(matches(Package(PYPI, "nice.package", "2.0", "uv.lock", 9), several)) == []
