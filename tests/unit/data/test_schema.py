"""The versions of the schema that the code knows are those that there are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from shared.data import schema


def test_the_code_knows_the_versions_that_there_are() -> None:
    config = Config()
    config.set_main_option("script_location", "shared/data/migrations")
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_heads() == [schema.HEAD]
    found = [one.revision for one in scripts.walk_revisions()]
    assert tuple(reversed(found)) == schema.REVISIONS


def test_each_file_of_a_version_is_named_for_it() -> None:
    files = sorted(Path("shared/data/migrations/versions").glob("v*.py"))
    assert tuple(file.name[1:5] for file in files) == schema.REVISIONS


@pytest.mark.parametrize(
    ("version", "said"),
    [
        (None, "has no schema of Belfry, and the code needs 0005: run `python -m functions databa"),
        ("0001", "schema is 0001, and the code needs 0005: run `python -m functions database upg"),
        ("0006", "schema is 0006, which is newer than this code, which knows 0005: deploy"),
        ("abc", "schema is abc, which is newer than this code"),
    ],
)
def test_older_and_newer_are_told_apart(version: str | None, said: str) -> None:
    assert said in str(schema.compared(version))


def test_the_newest_version_is_no_problem() -> None:
    assert schema.compared(schema.HEAD) is None


def test_whoever_checks_a_schema_loads_no_alembic(tmp_path: Path) -> None:
    """Nor does whoever reads and writes; and none of it is loaded before it is used."""
    code = (
        "import sys; from shared.data import database, names, pages, people, rows, schema; "
        "assert 'sqlalchemy' not in sys.modules; "
        "from shared.data import models; from shared.settings import Secret; "
        f"print(schema.look(Secret('sqlite:///{tmp_path}/x.db')).version); "
        "assert 'alembic' not in sys.modules"
    )
    (tmp_path / "x.db").touch()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "None\n"), done.stderr
