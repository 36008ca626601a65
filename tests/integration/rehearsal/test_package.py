"""The package: what runs is in it and nothing else, and with its packages it is complete."""

from __future__ import annotations

import ast
import functools
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from local import package
from local.host.apart import PACKAGES
from tests.integration.rehearsal import deployed
from tests.integration.rehearsal.deployed import REPO

_MB = 1_000_000
_ZIP = 2_500_000
"""Bytes that the package may have; it has 2.1 million."""
_INSTALLED = 340 * _MB
"""Bytes that the installed packages may have; they have 318 million, and an instance of the plan
has room for 800 million, in which backups need room as well."""
_ROOTS = {"function_app.py", "functions", "host.json", "requirements.txt", "shared"}
_EXTRAS = ("pyarrow",)
"""What the app imports only where it is there (requirements-parquet.txt)."""
_IMAGE = "x86_64-manylinux_2_31"
"""The oldest glibc that it may meet: Debian 11, of Azure's images for Python 3.11; those for 3.12
have Debian 12."""


def test_what_runs_is_in_it_and_nothing_else(tmp_path: Path) -> None:
    package.pack(REPO, tmp_path / "belfry.zip")
    with zipfile.ZipFile(tmp_path / "belfry.zip") as packed:
        there = packed.namelist()
    assert {name.partition("/")[0] for name in there} == _ROOTS
    needed = [
        name
        for name in package.project_files(REPO)
        if name.startswith(("shared/", "functions/")) and not name.endswith(".md")
    ]
    assert there == sorted([*needed, "function_app.py", "host.json", "requirements.txt"])


_LYING = """
    .env .local/company.db .local-2/x local.settings.json local.settings.json.bak belfry.zip
    me.key shared/me.key cert.pem shared/cert.pem .azure/dev/.env .vscode/settings.json
    .github/workflows/x.yml .git/config shared/__pycache__/x __pycache__/function_app.pyc
    shared/old.pyc .venv/bin/python .venv-3.11/x .python_packages/lib/x tests/x.py checks/x.py
    bench/x.py local/x.py docs/x.md infra/main.bicep azure.yaml pyproject.toml README.md
    shared/README.md requirements-dev.txt requirements.in belfry/x.py belfry-client/x bin/belfry
    Makefile .mypy_cache/x .pytest_cache/x .ruff_cache/x .hypothesis/x node_modules/x/y
    """.split()  # noqa: SIM905 (a list of them would be a page long)
"""What may lie in the folder: the tools take it, whether it is under version control or not."""


def let_through_by_core_tools(names: Iterable[str]) -> list[str]:
    """What `func` packs, by the rules of its GitIgnoreParser, which are not those of .gitignore: a
    pattern holds from the beginning of the path to the end of a word; * and ** are one character or
    more. https://github.com/Azure/azure-functions-core-tools"""
    lines = [line for line in (REPO / ".funcignore").read_text().splitlines() if line]
    patterns = [line for line in lines if not line.startswith("#")]
    texts = [
        "".join({"**": ".+", "*": "[^/]+"}.get(part, re.escape(part)) for part in parts)
        for parts in (re.split(r"(\*\*|\*)", pattern) for pattern in patterns)
    ]
    out = [re.compile(rf"(?:{text})\b", re.ASCII) for text in texts]
    always = (".git", ".vscode", "local.settings.json")
    kept = (one for one in names if not any(pattern.match(one) for pattern in out))
    return sorted(one for one in kept if one.partition("/")[0] not in always)


def test_what_lies_about_is_left_out_by_the_rules_of_both_tools() -> None:
    assert package.let_through(_LYING, package.rules(REPO)) == []
    assert let_through_by_core_tools(_LYING) == []


def test_both_tools_take_the_same_files() -> None:
    names = package.project_files(REPO)
    assert let_through_by_core_tools(names) == package.let_through(names, package.rules(REPO))
    assert "!" not in (REPO / ".funcignore").read_text().replace('"!"', "")


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "1.zip", tmp_path / "2.zip"
    package.pack(REPO, first)
    os.utime(REPO / "host.json")
    package.pack(REPO, second)
    assert first.read_bytes() == second.read_bytes()
    assert first.stat().st_size < _ZIP


def test_the_installed_packages_have_a_bound(folder: Path) -> None:
    sizes = {
        one.name: sum(path.stat().st_size for path in [one, *one.rglob("*")] if path.is_file())
        for one in (folder / PACKAGES).iterdir()
    }
    most = sorted(sizes.items(), key=lambda item: -item[1])[:5]
    assert sum(sizes.values()) < _INSTALLED, most


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_every_package_has_a_wheel_for_azures_images(python: str, tmp_path: Path) -> None:
    """A remote build compiles nothing: its image has no compiler for Rust or C."""
    assert deployed.platform_wheels(tmp_path, python, _IMAGE) == ""


@pytest.mark.parametrize("version", ["3.11.8", "3.12.1", "3.13.0"])
def test_each_python_finds_its_own_azure_functions(version: str) -> None:
    lines = (REPO / "requirements.txt").read_text().splitlines()
    pinned = [Requirement(line.rstrip(" \\")) for line in lines if line[:1].isalpha()]
    found = [
        str(one.specifier)
        for one in pinned
        if one.name == "azure-functions"
        and one.marker is not None
        and one.marker.evaluate({"python_full_version": version, "python_version": version[:4]})
    ]
    assert found == ["==2.3.0" if version.startswith("3.13") else "==1.26.0"]
    assert all("--hash=sha256:" in text for text in _entries(lines))


def _entries(lines: Iterable[str]) -> list[str]:
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    return [part for part in text.replace("\\\n", " ").splitlines() if part.strip()]


@functools.cache
def imported(folder: Path) -> set[str]:
    """Every module that the app's code imports, also inside functions, but none of its own."""
    found: set[str] = set()
    for path in [
        folder / "function_app.py",
        *folder.glob("shared/**/*.py"),
        *folder.glob("functions/**/*.py"),
    ]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {one.name for one in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module)
    own = ("shared", "functions", "__future__", "_typeshed")  # the last is for type checkers only
    return {name for name in found if name.partition(".")[0] not in (*own, *_EXTRAS)}


def missing(packages: Path, modules: Iterable[str]) -> list[str]:
    """Those of the modules that are in none of these packages, nor in the standard library."""

    def is_there(module: str) -> bool:
        *folders, last = parts = module.split(".")
        if parts[0] in sys.stdlib_module_names:
            return True
        folder = packages.joinpath(*folders)
        return (folder / last).is_dir() or any(folder.glob(f"{last}.*"))

    return sorted(module for module in modules if not is_there(module))


def without(packages: Path, names: Sequence[str], made: Path) -> Path:
    """The same packages, but for these."""
    made.mkdir()
    for one in packages.iterdir():
        if one.name not in names:
            (made / one.name).symlink_to(one)
    return made


def test_every_module_that_the_app_imports_is_in_its_packages(folder: Path) -> None:
    assert missing(folder / PACKAGES, imported(folder)) == []


def test_a_package_that_requirements_forgot_is_found(folder: Path, tmp_path: Path) -> None:
    fewer = without(folder / PACKAGES, ["croniter", "stripe"], tmp_path / "fewer")
    told = {name.partition(".")[0] for name in missing(fewer, imported(folder))}
    assert told == {"croniter", "stripe"}


def test_an_app_without_a_package_that_it_needs_to_be_indexed_does_not_start(
    folder: Path, tmp_path: Path
) -> None:
    """In Azure it would have no functions, and say nothing."""
    site = tmp_path / "site"
    for name in _ROOTS:
        (site / name).parent.mkdir(exist_ok=True)
        (site / name).symlink_to(folder / name)
    (site / PACKAGES).parent.mkdir(parents=True)
    without(folder / PACKAGES, ["tzdata", "pydantic"], site / PACKAGES)
    command = [sys.executable, "-m", "local.host", str(site), "--apart", "--port", "0"]
    done = subprocess.run(
        command,
        cwd=REPO,
        env={"PATH": "/usr/bin:/bin", "AzureWebJobsStorage": "UseDevelopmentStorage=true"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "No module named 'pydantic'" in done.stdout + done.stderr
