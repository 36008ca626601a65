"""Each line of docs/failures.md names a test that there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

_PAGE = Path("docs/failures.md").read_text()
_ROWS = [line for line in _PAGE.splitlines() if line.startswith("| ") and "shown by" not in line]
_NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", _PAGE)))


def test_each_row_names_a_test() -> None:
    assert len(_ROWS) > 15
    assert [row for row in _ROWS if "`tests/" not in row] == []


@pytest.mark.parametrize(("file", "name"), _NAMED)
def test_it_is_there(file: str, name: str) -> None:
    assert f"def {name}" in Path(file).read_text()
