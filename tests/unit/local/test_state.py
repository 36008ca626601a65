"""The state folder: held by one, and freed of what a killed run left."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from local import state
from shared.errors import Conflict, Misconfigured
from shared.settings.checks import sealing_keys
from tests.conftest import scratch

SLEEPER = "import sys; print(flush=True); sys.stdin.read()"


def test_only_one_holds_it(tmp_path: Path) -> None:
    with state.hold(tmp_path / "mine"):
        with pytest.raises(Conflict, match=rf"already \(process {os.getpid()}\)"):
            state.hold(tmp_path / "mine").__enter__()
        with state.hold(tmp_path / "another"):
            pass
    with state.hold(tmp_path / "mine"):
        pass


def test_it_keeps_one_key_for_secrets_which_nobody_else_reads(tmp_path: Path) -> None:
    with state.hold(tmp_path / "mine") as held:
        made = held.secrets_key()
        assert held.secrets_key() == made and len(sealing_keys(made)) == 1
        assert (tmp_path / "mine/secrets.key").stat().st_mode & 0o777 == 0o600
    with state.hold(tmp_path / "other") as held:
        assert held.secrets_key() != made


@pytest.mark.parametrize("place", ["mine", "mine/state", "mine/state/below"])
def test_a_file_in_its_place_is_named_and_not_called_damaged(tmp_path: Path, place: str) -> None:
    (tmp_path / "mine").write_text("")
    with pytest.raises(Misconfigured, match="a folder is needed where a file is") as caught:
        state.hold(tmp_path / place).__enter__()
    assert f"the state cannot be kept in {tmp_path / place}: " in str(caught.value)
    assert "make start STATE=" in str(caught.value)


@contextlib.contextmanager
def somebody() -> Iterator[None]:
    """As a user with rights of its own; root may write everywhere."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.parametrize("there", [True, False])
def test_one_that_may_not_be_written_is_named_and_not_called_damaged(there: bool) -> None:
    with scratch() as above:
        folder = above / "mine"
        if there:
            folder.mkdir()
            folder.chmod(0o555)
        above.chmod(0o555)
        with somebody(), pytest.raises(Misconfigured, match="Permission denied; mend that"):
            state.hold(folder).__enter__()
        above.chmod(0o755)


def test_a_part_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    with (
        pytest.raises(Misconfigured, match=r"mine/pids\.json: Is a directory; mend that"),
        state.hold(folder) as held,
    ):
        (folder / "pids.json").mkdir()
        held.remember({})
    with pytest.raises(FileNotFoundError), state.hold(folder):
        (tmp_path / "of-something-else").read_text()


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
