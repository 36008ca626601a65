"""Kinds of databases: what the settings take is what there is an engine for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shared.backups.engine import Engine
from shared.backups.sources import ENGINES, engine_of
from shared.settings import checks


def test_the_settings_take_the_urls_of_all_engines_and_no_others() -> None:
    assert sorted(checks.DATABASES) == sorted(url for one in ENGINES for url in one.schemes)


@pytest.mark.parametrize("engine", ENGINES, ids=lambda one: one.name)
def test_each_is_a_folder_of_its_own(engine: Engine) -> None:
    assert engine_of(engine.name) is engine
    (file,) = [
        path
        for path in Path("shared/backups").glob("*/engine.py")
        if re.search(f'^name = "{engine.name}"$', path.read_text(), re.MULTILINE)
    ]
    assert file.with_name("source.py").is_file()
