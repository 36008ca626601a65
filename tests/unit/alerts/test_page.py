"""docs/alerts.md has a section for each kind of alert, which says how bad it is."""

from __future__ import annotations

import re
from pathlib import Path

from shared.alerts.kinds import KINDS, docs
from shared.alerts.port import AlertKind

_PAGE = Path("docs/alerts.md").read_text()
_SECTIONS = dict(re.findall(r"^### (\w+)\n\n(\w+);", _PAGE, re.MULTILINE))


def test_each_kind_is_known_and_has_a_section_of_its_severity() -> None:
    assert list(KINDS) == list(AlertKind)
    expected = {kind.value: about.severity.value for kind, about in KINDS.items()}
    assert {kind: severity.lower() for kind, severity in _SECTIONS.items()} == expected


def test_what_a_message_links_to_is_there() -> None:
    for kind in AlertKind:
        page, _, anchor = docs(kind).partition("#")
        assert Path(page).is_file() and f"### {anchor}\n" in _PAGE
