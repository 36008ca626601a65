"""local/python.sh finds the Python that an environment is made with, the deployed one first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).parents[3] / "local" / "python.sh"
_ANY = ("3.12", "3.11", "3.13")


class Machine:
    """A machine with such Pythons as a test puts there."""

    def __init__(self, folder: Path) -> None:
        self._bin, self._pyenv = folder / "bin", folder / "pyenv"
        self.python = ""
        """What `make PYTHON=...` says."""

    def add(self, name: str, version: str, before: str = "") -> str:
        """A Python on PATH that takes itself for that version, and runs `before` first."""
        return self._made(self._bin / name, f"sys.version_info = {_parts(version)}; {before}")

    def add_to_pyenv(self, version: str) -> str:
        made = self._pyenv / "versions" / version / "bin" / "python"
        return self._made(made, f"sys.version_info = {_parts(version)}")

    def find(self, *versions: str, can: str = "pass") -> str:
        done = subprocess.run(
            ["/bin/sh", str(_SCRIPT), can, *versions],
            env={
                "PATH": str(self._bin),
                "PYENV_ROOT": str(self._pyenv),
                "PYTHON": self.python,
            },
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
        return done.stdout.strip()

    def _made(self, path: Path, first: str) -> str:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            f"#!/bin/sh\nexec {sys.executable} -c 'import sys; {first}\nexec(sys.argv[2])' \"$@\"\n"
        )
        path.chmod(0o755)
        return str(path)


def _parts(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_deployed_one_comes_first(machine: Machine) -> None:
    for version in ("3.11", "3.12", "3.13"):
        machine.add(f"python{version}", f"{version}.1")
    assert machine.find(*_ANY) == "python3.12"
    assert machine.find("3.13") == "python3.13"


def test_one_that_only_pyenv_has_is_found_where_its_name_on_path_does_not_start(
    machine: Machine,
) -> None:
    machine.add("python3.12", "3.12.1", before="sys.exit(127)")
    machine.add("python3.11", "3.11.7")
    installed = machine.add_to_pyenv("3.12.1")
    machine.add_to_pyenv("3.14.0")
    assert machine.find(*_ANY) == installed


def test_any_one_will_do(machine: Machine) -> None:
    machine.add("python3", "3.13.0")
    assert machine.find(*_ANY) == "python3"
    machine.add("python3.11", "3.11.7")
    assert machine.find(*_ANY) == "python3.11"


def test_one_that_cannot_make_environments_is_passed_over(machine: Machine) -> None:
    machine.add("python3.12", "3.12.3", before='sys.modules["venv"] = None')
    machine.add("python3.11", "3.11.7")
    assert machine.find(*_ANY, can="import venv") == "python3.11"


def test_the_one_that_is_named_goes_before_all_if_it_fits(machine: Machine) -> None:
    machine.add("python3.12", "3.12.1")
    machine.python = machine.add("mine", "3.11.7")
    assert machine.find(*_ANY) == machine.python
    assert machine.find("3.12") == "python3.12"


def test_where_there_is_none_nothing_is_said(machine: Machine) -> None:
    machine.add("python3", "3.10.13")
    machine.add_to_pyenv("3.10.13")
    assert machine.find(*_ANY) == ""
