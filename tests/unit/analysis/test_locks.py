"""What lock files name."""

from __future__ import annotations

import json

import pytest

from shared.analysis.inside import locks

REQUIREMENTS = """\
# pinned
--index-url https://example.com
flask[async]==2.0.1 ; python_version > "3" \\
    --hash=sha256:abc
requests>=2
django == 4.2  # why
odd==1.*
-e .
"""
POETRY = """\
[[package]]
name = "flask"
version = "2.0.1"

[[package]]
name = "own"
version = "0.1"
source = { editable = "." }

[[package]]
name = "requests"
version = "2.31.0"
source = { registry = "https://pypi.org/simple" }
"""
PIPFILE = {"default": {"flask": {"version": "==2.0.1"}, "git": {"ref": "abc"}}}
PACKAGES = {
    "packages": {
        "": {"version": "1.0.0"},
        "node_modules/@a/b": {"version": "1.2.3"},
        "node_modules/x/node_modules/y": {"version": "4.5.6"},
        "node_modules/linked": {"link": True},
    }
}
OLD = {"dependencies": {"x": {"version": "1.0.0", "dependencies": {"y": {"version": "2.0.0"}}}}}
YARN = """\
# yarn lockfile v1

"@a/b@^1.0.0", "@a/b@^1.1.0":
  version "1.2.3"

x@~4:
  version "4.5.6"
  dependencies:
    y "1"
"""
PNPM = """\
lockfileVersion: '9.0'

packages:

  '@a/b@1.2.3':
    resolution: {integrity: sha512-x}

  x@4.5.6(peer@1.0.0):
    resolution: {integrity: sha512-x}

snapshots:

  z@9.9.9: {}
"""


@pytest.mark.parametrize(
    ("name", "text", "packages"),
    [
        (
            "requirements-dev.txt",
            REQUIREMENTS,
            [
                ("flask", "2.0.1", 3),
                ("requests>=2", "", 5),
                ("django", "4.2", 6),
                ("odd==1.*", "", 7),
            ],
        ),
        ("poetry.lock", POETRY, [("flask", "2.0.1", 1), ("requests", "2.31.0", 10)]),
        ("Pipfile.lock", json.dumps(PIPFILE, indent=1), [("flask", "2.0.1", 3), ("git", "", 6)]),
        (
            "package-lock.json",
            json.dumps(PACKAGES, indent=1),
            [("@a/b", "1.2.3", 6), ("y", "4.5.6", 9)],
        ),
        ("package-lock.json", json.dumps(OLD, indent=1), [("x", "1.0.0", 3), ("y", "2.0.0", 6)]),
        ("yarn.lock", YARN, [("@a/b", "1.2.3", 3), ("x", "4.5.6", 6)]),
        ("pnpm-lock.yaml", PNPM, [("@a/b", "1.2.3", 5), ("x", "4.5.6", 8)]),
    ],
)
def test_what_lock_files_name(name: str, text: str, packages: list[tuple[str, str, int]]) -> None:
    found = locks._reader(name)
    assert found is not None
    assert list(found[1](text)) == packages


def test_other_files_are_none() -> None:
    assert locks._reader("notes.txt") is None
