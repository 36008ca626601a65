"""A project's name in partitions and folders is read back as that project."""

from __future__ import annotations

import pytest

from shared.projects import name_of, project_of


def test_a_name_is_read_back_and_none_is_no_number() -> None:
    for project in (None, 0, 42, 2**63 - 1):
        assert project_of(name_of(project)) == project
    assert len({name_of(None), name_of(0)}) == 2
    for wrong in ("", "c", "p:42"):
        with pytest.raises(ValueError, match="invalid literal"):
            project_of(wrong)
