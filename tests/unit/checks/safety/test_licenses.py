"""Licences: unknown ones and those that bind us are refused, unless the reason is written down."""

from __future__ import annotations

from email.message import Message
from importlib.metadata import PackageMetadata
from pathlib import Path
from typing import cast

import pytest

from checks.safety import exceptions, licenses
from checks.safety.exceptions import Exceptions
from checks.safety.finding import CouldNotRun, Problem

REPO = Path(__file__).parents[4]


def metadata(*lines: tuple[str, str]) -> PackageMetadata:
    message = Message()
    for name, value in lines:
        message[name] = value
    return cast(PackageMetadata, message)


@pytest.mark.parametrize(
    ("lines", "license"),
    [
        ([("License-Expression", "Apache-2.0 AND MIT")], "Apache-2.0 AND MIT"),
        ([("Classifier", "License :: OSI Approved :: MIT License")], "MIT"),
        ([("License", "BSD-3-Clause")], "BSD-3-Clause"),
        ([("License", "MIT License")], "MIT"),
        ([("License", "Copyright of somebody\nAll rights reserved")], ""),
        ([("Name", "nothing")], ""),
        ([("Classifier", "License :: OSI Approved :: GNU Affero General Public License v3"),
          ("Classifier", "License :: OSI Approved :: MIT License")],
         "GNU Affero General Public License v3 AND MIT"),
    ],
)  # fmt: skip
def test_what_metadata_state(lines: list[tuple[str, str]], license: str) -> None:
    assert licenses.of(metadata(*lines)) == license


@pytest.mark.parametrize(
    ("license", "passes"),
    [
        ("MIT", True),
        ("Apache-2.0 OR GPL-3.0-only", True),
        ("Apache-2.0 AND MIT", True),
        ("(MIT OR AGPL-3.0-only)", True),
        ("MIT AND AGPL-3.0-only", False),
        ("AGPL-3.0-only", False),
        ("LGPL-3.0-only", False),
        ("Proprietary", False),
    ],
)
def test_which_always_pass(license: str, passes: bool) -> None:
    assert licenses.is_permissive(license) is passes


def problems(
    found: dict[str, str], excused: dict[str, str], monkeypatch: pytest.MonkeyPatch, root: Path
) -> list[str]:
    monkeypatch.setattr(licenses, "licenses", lambda _: found)
    monkeypatch.setattr(exceptions, "read", lambda _: Exceptions({}, excused, {}))
    (root / "docs").mkdir(exist_ok=True)
    (root / licenses.PAGE).write_text(licenses.text(found, excused))
    return [one.what for one in licenses.check(root) if isinstance(one, Problem)]


def test_unknown_and_binding_ones_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {"free": "MIT", "silent": "", "binding": "AGPL-3.0-only", "library": "LGPL-3.0-only"}
    assert problems(found, {"library": "unchanged"}, monkeypatch, tmp_path) == [
        "silent states no license",
        "binding is under AGPL-3.0-only",
    ]


def test_a_reason_for_a_package_that_is_gone_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (found,) = problems({"free": "MIT"}, {"gone": "why"}, monkeypatch, tmp_path)
    assert "gone is excused" in found


def test_a_page_that_is_not_true_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert problems({"free": "MIT"}, {}, monkeypatch, tmp_path) == []
    (tmp_path / licenses.PAGE).write_text("# Licenses\n")
    (found,) = (one for one in licenses.check(tmp_path) if isinstance(one, Problem))
    assert "docs/licenses.md is not true" in found.what


def test_a_package_that_is_not_installed_is_said(tmp_path: Path) -> None:
    (tmp_path / "checks/safety").mkdir(parents=True)
    (tmp_path / exceptions.FILE).write_text("")
    (tmp_path / "requirements.txt").write_text("nosuch-package==1.0 \\\n    --hash=sha256:aa\n")
    with pytest.raises(CouldNotRun, match=r"nosuch-package of .* is not installed"):
        licenses.licenses(tmp_path)


def test_ours_pass() -> None:
    assert [one for one in licenses.check(REPO) if isinstance(one, Problem)] == []
