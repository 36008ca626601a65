"""`python -m functions notifications preview`: without settings, storage or network."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.notifications import kinds, languages
from tests.forked import Commands

NO_SETTINGS = {"BELFRY_LOCAL_SETTINGS": str(Path(__file__).with_name("no.settings.json"))}
Preview = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def preview(commands: Commands) -> Preview:
    def asked(*words: str) -> subprocess.CompletedProcess[str]:
        return commands.run("notifications", "preview", *words, **NO_SETTINGS)

    return asked


def test_without_a_kind_all_are_listed(preview: Preview, commands: Commands) -> None:
    done = preview()
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(kinds.names())
    assert commands.run("messages", "preview", **NO_SETTINGS).stdout == done.stdout


@pytest.mark.parametrize("tag", languages.names())
@pytest.mark.parametrize("kind", kinds.names())
def test_each_kind_is_shown_in_each_language(preview: Preview, kind: str, tag: str) -> None:
    done = preview(kind, "--language", tag)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"language  {tag}\n" in done.stdout
    mail = kinds.kind(kind).channel == kinds.MAIL
    shown = r"subject   .+\nhtml      \d+ bytes; pictures: (chart-eur|none)\n\n."
    size = r"encoding  GSM-7\nsize      \d+ units, segments: 1\n\n."
    assert re.search(shown if mail else size, done.stdout)


def test_the_html_is_one_file_with_its_pictures_in_it(preview: Preview, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    done = preview("cost_report", "--html", str(file))
    assert (done.returncode, done.stderr) == (0, "") and str(file) in done.stdout
    html = file.read_text("utf-8")
    assert "cid:" not in html and html.count('src="data:image/png;base64,') == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nope"], r"there is no kind 'nope' .*cost_report"),
        (["vaccination_expiring", "--html", "x.html"], "a text message, which has no HTML"),
        (["cost_report", "--html", "/no/such/folder/x.html"], "x.html cannot be written: No such"),
        (["--html", "x.html"], "name the kind as well: .*cost_report"),
        (["cost_report", "--colour"], "unrecognized arguments: --colour"),
    ],
)
def test_what_cannot_be_shown_is_told(preview: Preview, words: list[str], said: str) -> None:
    done = preview(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.search(said, done.stderr)


def test_a_command_that_is_none_is_told_with_the_one_that_is(commands: Commands) -> None:
    done = commands.run("notifications", "send", **NO_SETTINGS)
    assert done.returncode == 2 and "choose from" in done.stderr and "preview" in done.stderr
