"""The state folder: held by one, and freed of what a killed run left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from local import state
from shared.errors import Conflict, Damaged

SLEEPER = "import sys; print(flush=True); sys.stdin.read()"


def test_only_one_holds_it(tmp_path: Path) -> None:
    with state.hold(tmp_path / "mine"):
        with pytest.raises(Conflict, match=rf"already \(process {os.getpid()}\)"):
            state.hold(tmp_path / "mine").__enter__()
        with state.hold(tmp_path / "another"):
            pass
    with state.hold(tmp_path / "mine"):
        pass


def test_a_file_in_its_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    with pytest.raises(Damaged, match="mine cannot be a folder"):
        state.hold(tmp_path / "mine").__enter__()


def test_a_program_that_was_left_over_is_ended(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SLEEPER, str(tmp_path)]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as left,
        state.hold(tmp_path) as held,
    ):
        assert left.stdout
        left.stdout.readline()
        held.remember({"Azurite": left.pid})
        assert held.end_left_over() == ["Azurite"]
        assert held.end_left_over() == []
        assert not psutil.pid_exists(left.pid)


def test_a_number_that_is_another_programs_by_now_is_left_alone(tmp_path: Path) -> None:
    with state.hold(tmp_path) as held:
        held.remember({"Azurite": os.getppid()})
        assert held.end_left_over() == []
        held.remember({"Azurite": 2**22 + 1})
        assert held.end_left_over() == []
