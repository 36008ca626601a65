"""Prometheus comes from the PATH, from where it was unpacked before, or else from apt."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.prometheus import programs
from shared.errors import Misconfigured


def program(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with these programs alone."""
    made = tmp_path / "path"
    made.mkdir()
    monkeypatch.setenv("PATH", str(made))
    return made


def test_those_of_the_path_come_first(path: Path, tmp_path: Path) -> None:
    program(path / "prometheus")
    program(path / "promtool")
    assert programs(tmp_path / "none").promtool == str(path / "promtool")


def test_what_was_unpacked_is_used_again(path: Path, tmp_path: Path) -> None:
    program(tmp_path / "there/usr/bin/promtool")
    assert programs(tmp_path / "there").promtool == str(tmp_path / "there/usr/bin/promtool")


def test_a_machine_without_apt_is_told_what_to_do(path: Path, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no apt-get to get it with; install Prometheus"):
        programs(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_what_apt_says_is_told(path: Path, tmp_path: Path) -> None:
    program(path / "apt-get", "echo 'E: Unable to locate package prometheus' >&2; exit 100")
    program(path / "dpkg-deb")
    with pytest.raises(Misconfigured, match=r"E: Unable to locate package prometheus\)"):
        programs(tmp_path / "none")
    assert {one.name for one in tmp_path.iterdir()} == {"path"}, "nothing is left"


def test_debians_package_is_unpacked_by_lists_of_packages_of_its_own(
    path: Path, tmp_path: Path
) -> None:
    """Those of the machine are root's, and may be old."""
    program(
        path / "apt-get",
        """case "$1 $*" in
        update*" Dir::State=$PWD/apt "*) echo > apt/lists/debian ;;
        download*" Dir::State=$PWD/apt "*) [ -e apt/lists/debian ] && echo > prometheus_2.deb ;;
        esac""",
    )
    program(path / "dpkg-deb", 'mkdir -p "$3/usr/bin"; echo > "$3/usr/bin/promtool"')
    (path / "mkdir").symlink_to("/bin/mkdir")
    found = programs(tmp_path / "new/prometheus")
    assert Path(found.promtool).exists()
    assert {one.name for one in (tmp_path / "new").iterdir()} == {"prometheus"}
    assert {one.name for one in (tmp_path / "new/prometheus").iterdir()} == {"usr"}
