"""Part 2, front-end build: scripts and style sheets are built into what the app serves.

Built files are kept in git, so that a deployment needs no Node. The check builds them anew and
compares. `python -m checks.safety.build` (`make assets`) writes them.

esbuild minifies each file. Its name gets a part of its hash, so that browsers may keep it for as
long as they like; `manifest.json` says under which name each file is served, and which hash a
browser must find (Subresource Integrity, https://www.w3.org/TR/sri). A file of an installed package
stands there too, so a package that changed is found here, not by a browser.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from checks.safety import pages, served, tools
from checks.safety.finding import CouldNotRun, Finding, Note, Problem
from checks.safety.pages import Site

_MANIFEST = "manifest.json"
_HASHED = 10
"""Characters of the hash in a file's name."""
_REBUILD = "run `make assets` and commit what it writes"


def check(root: Path) -> Iterator[Finding]:
    """What is built is what the sources give; pages load nothing else. Raises `CouldNotRun`."""
    for site in pages.SITES:
        yield from compare(built(root, site), root / site.assets, root)
    yield from served.check(pages.pages(), pages.mails(), list(_served_names(root)))
    names = ", ".join(name for site in pages.SITES for name in sorted(site.packaged))
    yield Note(f"the built files are those of their sources; from packages: {names}")


def built(root: Path, site: Site) -> dict[str, bytes]:
    """Each file that belongs into the site's folder of assets, by its name."""
    files: dict[str, bytes] = {}
    manifest: dict[str, dict[str, str]] = {}
    for source in pages.sources(root, site):
        content = _minified(source, root)
        name = _hashed(source.name, content)
        files[name] = content
        manifest[source.name] = {"file": name, "integrity": _integrity(content)}
    for name, package in site.packaged.items():
        content = _packaged(name, package)
        one = {"file": _hashed(name, content), "integrity": _integrity(content)}
        manifest[name] = one | {"package": package}
    text = json.dumps(manifest, indent=2, sort_keys=True) + "\n"
    return files | {_MANIFEST: text.encode()}


def compare(wanted: dict[str, bytes], folder: Path, root: Path) -> Iterator[Problem]:
    """What differs from what is in the folder."""
    there = {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}
    for name in sorted(wanted.keys() | there.keys()):
        path = folder.relative_to(root) / name
        if name not in there:
            yield Problem(f"{path} is missing", _REBUILD)
        elif name not in wanted:
            yield Problem(f"{path} has no source", _REBUILD)
        elif there[name] != wanted[name]:
            yield Problem(f"{path} is not what its sources give", _REBUILD)


def write(root: Path) -> None:
    """Write every site's assets, and remove what has no source. Raises `CouldNotRun`."""
    for site in pages.SITES:
        folder = root / site.assets
        folder.mkdir(parents=True, exist_ok=True)
        files = built(root, site)
        for path in folder.iterdir():
            if path.name not in files:
                path.unlink()
        for name, content in files.items():
            (folder / name).write_bytes(content)
        print(f"{site.assets}: {', '.join(sorted(files))}")


def _served_names(root: Path) -> Iterator[served.Served]:
    for site in pages.SITES:
        manifest = json.loads((root / site.assets / _MANIFEST).read_text())
        for one in manifest.values():
            yield served.Served(one["file"], one["integrity"])


def _minified(source: Path, root: Path) -> bytes:
    arguments = ("--minify", "--target=es2022", "--charset=utf8", "--log-level=warning")
    done = tools.run("esbuild/bin/esbuild", str(source), *arguments, folder=root)
    if done.returncode != 0:
        raise CouldNotRun(f"esbuild refuses {source.relative_to(root)}:\n{done.stderr}")
    return done.stdout.encode()


def _packaged(name: str, package: str) -> bytes:
    found = find_spec(package)
    path = Path(found.origin).parent / "static" / name if found and found.origin else None
    if path is None or not path.is_file():
        raise CouldNotRun(f"the package {package} has no {name}; is it installed? Run make again")
    return path.read_bytes()


def _hashed(name: str, content: bytes) -> str:
    stem, _, ending = name.rpartition(".")
    return f"{stem}-{hashlib.sha256(content).hexdigest()[:_HASHED]}.{ending}"


def _integrity(content: bytes) -> str:
    return "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode()


if __name__ == "__main__":
    try:
        write(Path.cwd())
    except CouldNotRun as error:
        sys.exit(str(error))
