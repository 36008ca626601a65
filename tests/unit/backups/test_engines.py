"""Each kind of database is a folder that is found by being there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from shared.backups.engines import engine_of, engines, schemes
from shared.errors import Conflict, Misconfigured
from shared.settings import from_env

STORAGE = {"AzureWebJobsStorage": "UseDevelopmentStorage=true"}
FOLDERS = {
    file.parent: name
    for file in Path("shared/backups").glob("*/engine.py")
    for name in re.findall(r'^name = "(\w+)"$', file.read_text(), re.MULTILINE)
}
every_engine = pytest.mark.parametrize("name", engines())


def test_each_is_a_folder_of_its_own() -> None:
    assert sorted(FOLDERS.values()) == sorted(engines())


@every_engine
def test_it_says_all_that_an_engine_says(name: str) -> None:
    engine = engine_of(name)
    assert engine.name == name and all("://" in one for one in engine.schemes)
    assert engine.target_problem("") is not None
    assert callable(engine.source) and (engine.databases is None or callable(engine.databases))


@pytest.mark.parametrize(("folder", "name"), FOLDERS.items(), ids=FOLDERS.values())
def test_its_sources_say_the_same_name(folder: Path, name: str) -> None:
    said = re.findall(r'^    engine = "(\w+)"$', (folder / "source.py").read_text(), re.MULTILINE)
    assert said == [name]


def test_no_two_take_the_same_urls() -> None:
    assert len(set(schemes())) == len(schemes())


def test_the_settings_take_the_urls_of_all_engines_and_no_others() -> None:
    for scheme in schemes():
        named = STORAGE | {"BACKUP_SOURCES": "crm", "BACKUP_CRM_URL": f"{scheme}x"}
        assert from_env(named, schemes=schemes()).backup_sources["crm"].reveal() == f"{scheme}x"
    other = STORAGE | {"BACKUP_SOURCES": "crm", "BACKUP_CRM_URL": "mysql://x"}
    with pytest.raises(Misconfigured, match=f"begins with {', '.join(schemes())}$"):
        from_env(other, schemes=schemes())


def test_the_page_of_backups_lists_the_urls_of_all_engines() -> None:
    page = Path("docs/backups.md").read_text()
    assert [one for one in schemes() if f"`{one}" not in page] == []


def test_one_that_this_version_does_not_have_is_told_with_those_it_has() -> None:
    with pytest.raises(Conflict, match=f"'mongo'.*there are {', '.join(engines())}.*use the"):
        engine_of("mongo")


def test_what_they_declare_is_read_without_what_backs_up() -> None:
    code = "import sys; from shared.backups import engines; engines.schemes(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = [one for one in done.stdout.split() if one.startswith("shared.backups.")]
    own = re.compile(r"shared\.backups\.(engines|\w+|\w+\.(engine|names))")
    assert [one for one in loaded if not own.fullmatch(one)] == []
    assert not {"shared.backups.source", "shared.storage", "sqlite3"} & set(done.stdout.split())
