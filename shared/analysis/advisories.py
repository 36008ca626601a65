"""What is known to be wrong with versions of packages: OSV's entries, made compact, and matched.
Pure.

An entry of OSV has many parts; what an analysis needs of one is, for each package that it concerns:
`{"id", "aliases", "summary", "severity", "ranges", "versions"}`.
https://ossf.github.io/osv-schema/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.analysis import prints, versions
from shared.analysis.model import Found, Rule, Severity, Tool

_NORMAL = re.compile(r"[-_.]+")
_SUMMARY = 300
_WORDS: Mapping[str, Severity] = {
    "CRITICAL": Severity.CRITICAL,
    "HIGH": Severity.HIGH,
    "MODERATE": Severity.MEDIUM,
    "MEDIUM": Severity.MEDIUM,
    "LOW": Severity.LOW,
}
_RANGES = ("ECOSYSTEM", "SEMVER")


@dataclass(frozen=True, slots=True)
class Package:
    """A package that a lock file names."""

    ecosystem: str
    name: str
    version: str
    path: str
    line: int

    @property
    def key(self) -> str:
        return normal(self.name, self.ecosystem)


def normal(name: str, ecosystem: str) -> str:
    """The name by which a package is looked up (PyPI: PEP 503)."""
    return _NORMAL.sub("-", name).lower() if ecosystem == versions.PYPI else name


def compact(entry: Mapping[str, Any], ecosystem: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(package, what an analysis needs) of an entry of OSV; nothing if it was withdrawn. Raises
    `ValueError`, `KeyError`, `TypeError` or `AttributeError` if it is no such entry."""
    if entry.get("withdrawn"):
        return
    for concerned in entry.get("affected", ()):
        package = concerned.get("package") or {}
        if package.get("ecosystem") != ecosystem:
            continue
        ranges = [
            [{str(name): str(at) for name, at in event.items()} for event in one["events"]]
            for one in concerned.get("ranges", ())
            if one.get("type") in _RANGES
        ]
        yield (
            normal(str(package["name"]), ecosystem),
            {
                "id": str(entry["id"]),
                "aliases": sorted(map(str, entry.get("aliases", ()))),
                "summary": " ".join(str(entry.get("summary", "")).split())[:_SUMMARY],
                "severity": _severity(entry, concerned).value,
                "ranges": ranges,
                "versions": [
                    one
                    for one in map(str, concerned.get("versions", ()))
                    if not versions.affected(one, {"ranges": ranges}, ecosystem)
                ],
            },
        )


def matches(package: Package, entries: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Found, Rule]]:
    """What is wrong with a package. Of entries that are about the same, one: GitHub's if there is
    one, since it says how severe it is."""
    hit = [one for one in entries if versions.affected(package.version, one, package.ecosystem)]
    told: set[str] = set()
    for one in sorted(hit, key=lambda one: (not one["id"].startswith("GHSA"), one["id"])):
        names = {one["id"], *one["aliases"]}
        if not names & told:
            yield _found(package, one), _rule(one)
        told |= names


def _found(package: Package, entry: Mapping[str, Any]) -> Found:
    fixed = versions.fixed_in(package.version, entry, package.ecosystem)
    advice = f"; it is fixed in {fixed}" if fixed else ""
    summary = entry["summary"] or entry["id"]
    return Found(
        tool=Tool.OSV,
        rule=entry["id"],
        severity=Severity(entry["severity"]),
        message=f"{package.name} {package.version}: {summary}{advice}",
        path=package.path,
        line=package.line,
        fingerprint=prints.of_words(package.ecosystem, package.key, entry["id"]),
    )


def _rule(entry: Mapping[str, Any]) -> Rule:
    also = f" Also known as {', '.join(entry['aliases'][:5])}." if entry["aliases"] else ""
    return Rule(
        id=entry["id"],
        name=entry["summary"][:120] or entry["id"],
        help=f"{entry['summary'] or entry['id']}.{also}",
        url=f"https://osv.dev/vulnerability/{entry['id']}",
        severity=Severity(entry["severity"]),
    )


def _severity(entry: Mapping[str, Any], concerned: Mapping[str, Any]) -> Severity:
    """As GitHub says it; what is malicious is critical; else in between."""
    if str(entry["id"]).startswith("MAL-"):
        return Severity.CRITICAL
    for part in (entry, concerned):
        said = (part.get("database_specific") or {}).get("severity")
        if isinstance(said, str) and said.upper() in _WORDS:
            return _WORDS[said.upper()]
    return Severity.MEDIUM
