"""What the lock files of a repository name: packages and their exact versions, and where."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from posixpath import basename
from typing import Any, TypeAlias

from shared.analysis.inside.saying import Slow, files, within
from shared.analysis.limits import Limits

Named: TypeAlias = tuple[str, str, int]
"""(name, version, line) of a package."""

_SECONDS = 20
PYPI, NPM = "PyPI", "npm"
_PIN = re.compile(
    r"([A-Za-z0-9][A-Za-z0-9._-]{0,99})\s*(?:\[[^\]]{0,200}\])?\s*===?\s*([A-Za-z0-9.!+_-]{1,100})"
)
_LOOSE = re.compile(r"[A-Za-z0-9]")
_YARN = re.compile(r'"?((?:@[^@/\s"]+/)?[^@\s",]+)@[^:]*:?$')
_YARN_VERSION = re.compile(r'\s+version:?\s+"?([^"\s]+)"?')
_PNPM = re.compile(r"  ['\"]?/?((?:@[^@/\s'\"]+/)?[^@/\s'\"]+)[@/](\d[^('\":\s]*)[^:]*:")


def main(order: Mapping[str, Any]) -> dict[str, Any]:
    src, limits = Path(order["src"]), Limits(**order["limits"])
    found: list[list[Any]] = []
    troubles: list[str] = []
    read, loose = 0, 0
    for path, place in files(src):
        how = _reader(basename(path))
        if how is None:
            continue
        read += 1
        ecosystem, reader = how
        try:
            with within(_SECONDS):
                text = place.read_text("utf-8-sig")
                for name, version, line in reader(text):
                    if not version:
                        loose += 1
                    elif len(name) <= 214 and len(version) <= 100:
                        found.append([ecosystem, name, version, path, line])
        except (Slow, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            troubles.append(f"{path!r:.200} cannot be read ({type(error).__name__})")
    cut = max(0, len(found) - limits.packages)
    if cut:
        del found[limits.packages :]
        troubles.append(f"{cut} packages more than {limits.packages}")
    return {"packages": found, "locks": read, "loose": loose, "troubles": troubles[:10]}


def _reader(name: str) -> tuple[str, Callable[[str], Iterator[Named]]] | None:
    if re.fullmatch(r"(requirements|constraints)[\w.-]*\.txt|[\w.-]*requirements\.txt", name):
        return PYPI, requirements
    return _READERS.get(name)


def requirements(text: str) -> Iterator[Named]:
    """Lines such as `name==1.2.3`; a version is empty if nothing pins it."""
    for number, line in enumerate(text.splitlines(), start=1):
        plain = line.split(" #", 1)[0].strip()
        if not plain or not _LOOSE.match(plain):
            continue  # an option, a comment, or the rest of a line before
        found = _PIN.match(plain)
        if found is None or "*" in plain.partition("==")[2].split(";")[0].split(",")[0]:
            yield plain.split()[0][:100], "", number
        else:
            yield found[1], found[2], number


def toml_packages(text: str) -> Iterator[Named]:
    """`[[package]]` of poetry, uv and pdm; those that are part of the repository are left out."""
    lines = [
        number
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() == "[[package]]"
    ]
    for number, one in enumerate(tomllib.loads(text).get("package", [])):
        source = one.get("source") or {}
        own = isinstance(source, Mapping) and {"virtual", "editable", "directory"} & set(source)
        if not own and isinstance(one.get("version"), str):
            yield one["name"], one["version"], lines[number] if number < len(lines) else 1


def pipfile(text: str) -> Iterator[Named]:
    for section in ("default", "develop"):
        for name, one in json.loads(text).get(section, {}).items():
            version = str(one.get("version", ""))
            pinned = version.removeprefix("==") if version.startswith("==") else ""
            yield name, pinned, _line(text, f'"{name}"')


def package_lock(text: str) -> Iterator[Named]:
    """npm's, of version 1 (`dependencies`) and later (`packages`)."""
    log = json.loads(text)
    places = _places(text)
    if "packages" in log:
        for path, one in log["packages"].items():
            if path and not one.get("link") and isinstance(one.get("version"), str):
                name = one.get("name") or path.rpartition("node_modules/")[2]
                yield name, one["version"], places.get(path, 1)
        return
    waiting = [log.get("dependencies", {})]
    while waiting:
        for name, one in waiting.pop().items():
            yield name, str(one["version"]), places.get(name, 1)
            waiting.append(one.get("dependencies") or {})


def yarn(text: str) -> Iterator[Named]:
    name, at = "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        if line and line[0] not in " #" and line.endswith(":"):
            found = _YARN.match(line.split(",")[0].rstrip(":").strip('"'))
            name, at = (found[1], number) if found else ("", 0)
        elif name and (version := _YARN_VERSION.fullmatch(line)):
            yield name, version[1], at
            name = ""


def pnpm(text: str) -> Iterator[Named]:
    inside = False
    for number, line in enumerate(text.splitlines(), start=1):
        if line and not line[0].isspace():
            inside = line.startswith("packages:")
        elif inside and (found := _PNPM.match(line)):
            yield found[1], found[2], number


def _line(text: str, word: str) -> int:
    at = text.find(word)
    return text.count("\n", 0, at) + 1 if at >= 0 else 1


def _places(text: str) -> dict[str, int]:
    """The line of each key of an object, at its first place."""
    found: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        key = re.match(r'\s*"([^"]{1,300})":\s*\{', line)
        if key:
            found.setdefault(key[1], number)
    return found


_READERS: Mapping[str, tuple[str, Callable[[str], Iterator[Named]]]] = {
    "poetry.lock": (PYPI, toml_packages),
    "uv.lock": (PYPI, toml_packages),
    "pdm.lock": (PYPI, toml_packages),
    "Pipfile.lock": (PYPI, pipfile),
    "package-lock.json": (NPM, package_lock),
    "npm-shrinkwrap.json": (NPM, package_lock),
    "yarn.lock": (NPM, yarn),
    "pnpm-lock.yaml": (NPM, pnpm),
}
