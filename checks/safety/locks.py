"""Gate: lock files are in step with what they lock. Offline: `make lock` is what resolves versions.

Of Python, each .txt pins what its .in asks for, in a version that fits, with a hash, and nothing
says that it comes from the .in that does not; requirements-dev.txt has the versions that are
deployed. Of Node, each package-lock.json has what its package.json asks for, and a hash of
everything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from checks.safety.finding import Finding, Note, Problem

PYTHON = ("requirements", "requirements-dev", "requirements-host")
NODE = ("local/azurite", "checks/safety/frontend")
_LOCK = "run `make lock` and commit what it writes"
_NPM_LOCK = "run `python -m checks.safety.tools FOLDER` and commit what it writes"
_PINNED = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==(\S+)")
_VIA = re.compile(r"\s+#\s+(?:via\s+)?-r (\S+)")


@dataclass(slots=True)
class Pinned:
    """A package in a .txt, in one of its versions there."""

    name: str
    version: str
    hashes: int = 0
    asked_by: set[str] = field(default_factory=set)
    """The .in files that ask for it."""


def check(root: Path) -> Iterator[Finding]:
    """Every lock file."""
    for stem in PYTHON:
        yield from python(root, stem)
    yield from same_versions(root, PYTHON[1], PYTHON[0])
    for folder in NODE:
        yield from node(root / folder, folder)
    yield Note(f"lock files: {len(PYTHON) + len(NODE)}")


def python(root: Path, stem: str) -> Iterator[Problem]:
    """What is out of step between STEM.in and STEM.txt."""
    locked = pinned(root / f"{stem}.txt")
    names = {one.name for one in locked}
    asked = list(_asked(root / f"{stem}.in"))
    for requirement in asked:
        name = canonicalize_name(requirement.name)
        versions = [one.version for one in locked if one.name == name]
        if name not in names:
            yield Problem(f"{stem}.in asks for {name}, which {stem}.txt does not pin", _LOCK)
        elif not any(map(requirement.specifier.contains, versions)):
            yield Problem(f"{stem}.txt pins {name} {versions[0]}: {stem}.in: {requirement}", _LOCK)
    wanted = {canonicalize_name(requirement.name) for requirement in asked}
    for one in locked:
        if f"{stem}.in" in one.asked_by and one.name not in wanted:
            yield Problem(f"{stem}.txt pins {one.name} for {stem}.in, which has it not", _LOCK)
        if not one.hashes:
            yield Problem(f"{stem}.txt pins {one.name} without a hash", _LOCK)


def same_versions(root: Path, stem: str, deployed: str) -> Iterator[Problem]:
    """What is tested in another version than it is deployed in."""
    there = {(one.name, one.version) for one in pinned(root / f"{stem}.txt")}
    for one in pinned(root / f"{deployed}.txt"):
        if (one.name, one.version) not in there:
            yield Problem(f"{stem}.txt does not have {one.name} {one.version} of {deployed}", _LOCK)


def node(folder: Path, name: str) -> Iterator[Problem]:
    """What is out of step in a folder with a package.json."""
    package = json.loads((folder / "package.json").read_text())
    packages = json.loads((folder / "package-lock.json").read_text())["packages"]
    for kind in ("dependencies", "devDependencies"):
        if package.get(kind, {}) != packages[""].get(kind, {}):
            yield Problem(f"{name}/package-lock.json has other {kind} than package.json", _NPM_LOCK)
    for path, one in packages.items():
        if path and not one.get("link") and "integrity" not in one:
            yield Problem(f"{name}/package-lock.json has no hash of {path}", _NPM_LOCK)


def pinned(path: Path) -> list[Pinned]:
    """The packages of a .txt; one with a version for each Python is there twice."""
    found: list[Pinned] = []
    for line in path.read_text().splitlines():
        if start := _PINNED.match(line):
            found.append(Pinned(canonicalize_name(start[1]), start[2]))
        elif line.lstrip().startswith("--hash="):
            found[-1].hashes += 1
        elif via := _VIA.match(line):
            found[-1].asked_by.add(via[1])
    return found


def _asked(path: Path) -> Iterator[Requirement]:
    for line in path.read_text().splitlines():
        text = line.partition("#")[0].strip()
        if text and not text.startswith("-"):
            yield Requirement(text)
