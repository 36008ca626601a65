"""The command line before it reaches a storage: what it imports, what it says, how it ends."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import functions
from shared.cli import typed
from shared.engine.dispatch.names import DISPATCHER
from shared.settings import process
from tests.forked import Commands

PATHS = sorted(Path("functions").glob("*/[a-z]*.py"))
FUNCTIONS = sorted(path.stem for path in PATHS)
TASKS = {task.name: task for task in functions.tasks()}
OF_THE_HOST = sorted(set(FUNCTIONS) - set(TASKS) - {DISPATCHER})


Ask = Callable[..., "subprocess.CompletedProcess[str]"]
NO_SETTINGS = {"BELFRY_LOCAL_SETTINGS": str(Path(__file__).with_name("no.settings.json"))}


def run(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """`python WORDS` in a shell that has no settings but these."""
    environ = NO_SETTINGS | environ
    return subprocess.run([sys.executable, *words], env=environ, capture_output=True, text=True)


@pytest.fixture
def ask(commands: Commands) -> Ask:
    """`python -m functions WORDS` in such a shell."""

    def asked(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return commands.run(*words, **NO_SETTINGS | environ)

    return asked


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {
            "BELFRY_PREFIX": "Not-Good",
            "POSTGRES_BACKUP_SCHEDULE": "nonsense",
            "HEALTH_MONITOR_ENABLED": "yes",
            "DATABASE_BACKUP_TIMEZONE": "Mars/Olympus",
        },
    ],
)
def test_every_function_can_be_imported_whatever_the_settings(environ: dict[str, str]) -> None:
    modules = [".".join(path.with_suffix("").parts) for path in PATHS]
    code = "; ".join(f"import {module}" for module in modules)
    done = run("-c", code, **environ)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_app_itself_is_not_indexed_without_its_settings() -> None:
    done = run("-c", "import function_app", POSTGRES_BACKUP_SCHEDULE="nonsense")
    assert done.returncode == 1
    assert "Misconfigured: AzureWebJobsStorage is not set" in done.stderr


@pytest.mark.parametrize("words", [("functions",), ("functions", "postgres_backup")])
def test_what_is_missing_is_told_in_one_line(words: tuple[str, ...]) -> None:
    done = run("-m", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("AzureWebJobsStorage is not set; give it")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "code", ["import function_app", "from functions import _process; _process.app()"]
)
def test_everything_that_is_wrong_is_named_at_once(code: str) -> None:
    done = run("-c", code, POSTGRES_BACKUP_SCHEDULE="nonsense", JOBS_PER_PROJECT="-3")
    for name in ("AzureWebJobsStorage", "POSTGRES_BACKUP_SCHEDULE", "JOBS_PER_PROJECT"):
        assert name in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("text", ["{", '{"Values": []}', "{}", "[]"])
def test_local_settings_that_cannot_be_read_are_told_in_one_line(
    ask: Ask, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "local.settings.json"
    file.write_text(text)
    done = ask(BELFRY_LOCAL_SETTINGS=str(file))
    assert done.returncode == 2
    assert done.stderr.startswith(f"{file} is not a local.settings.json")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("text", ["nonsense", "AccountName=a;AccountKey=?", "AccountKey=YQ=="])
def test_a_connection_string_that_is_none_is_told_in_one_line(ask: Ask, text: str) -> None:
    done = ask(AzureWebJobsStorage=text)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1


def test_a_settings_file_that_is_named_must_be_there(ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "nope.json"
    done = ask(BELFRY_LOCAL_SETTINGS=str(file))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"BELFRY_LOCAL_SETTINGS: there is no file {file}\n"


@pytest.mark.parametrize(("named", "read"), [(None, "of make start"), ("", None)])
def test_local_settings_are_left_out_if_their_name_is_set_to_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str | None, read: str | None
) -> None:
    """`make start` leaves a file in the folder, with an account of its own."""
    environ = {} if named is None else {"BELFRY_LOCAL_SETTINGS": named}
    monkeypatch.setattr(os, "environ", environ)
    file = tmp_path / "local.settings.json"
    file.write_text('{"Values": {"AzureWebJobsStorage": "of make start"}}')
    process.load_local(file)
    assert environ.get("AzureWebJobsStorage") == read


@pytest.mark.parametrize("words", [(), *((name,) for name in (*TASKS, DISPATCHER))])
def test_help_runs_nothing(ask: Ask, words: tuple[str, ...]) -> None:
    done = ask(*words, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    shown = words if TASKS.keys() & set(words) else ()
    assert done.stdout.startswith(f"usage: {' '.join(('python -m functions', *shown))} [-h]")
    assert not re.search(r"\b[A-Z]\d+\b", done.stdout), "people know no numbers of requirements"


@pytest.mark.parametrize("name", TASKS)
def test_help_names_each_parameter_of_the_task_and_says_what_it_takes(name: str) -> None:
    shown = typed.help_of(TASKS[name])
    for field, info in TASKS[name].params.model_fields.items():
        (line,) = re.findall(rf"^  {field}=\.\.\.  (.*)$", shown, re.MULTILINE)
        assert line and "something else" not in line
        assert info.description
    assert TASKS[name].summary in shown


def test_help_says_what_is_needed_what_the_default_is_and_what_it_means() -> None:
    shown = typed.help_of(TASKS["backup_restore"])
    assert "  backup_id=...  text; needed\n" in shown and "  target=...  text\n" in shown
    assert "A database (of SQLite a file's name, of the state" in shown
    shown = typed.help_of(TASKS["backup"])
    assert "  compression=...  zstd or gzip; default: zstd\n" in shown
    assert 'monthly or yearly; default: {"days": 30}\n' in shown


@pytest.mark.parametrize("name", OF_THE_HOST)
def test_what_the_host_runs_says_so(ask: Ask, name: str) -> None:
    done = ask(name)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{name} is run by the host alone; ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("module", ["functions.backups.postgres_backup", "functions.http.tick"])
def test_a_file_of_a_function_is_no_command_and_says_what_is(module: str) -> None:
    done = run("-m", module)
    name = module.rpartition(".")[2]
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"write `python -m functions {name}`\n"


@pytest.mark.parametrize("words", [("--help",), ("postgres_backup",), ("colour=7",)])
def test_a_tasks_name_may_follow_a_dot(ask: Ask, words: tuple[str, ...]) -> None:
    done, same = run("-m", "functions.weekly_backup", *words), ask("weekly_backup", *words)
    assert (done.returncode, done.stderr) == (same.returncode, same.stderr)
    assert done.stdout.replace("__main__.py ", "") == same.stdout.replace("__main__.py ", "")


@pytest.mark.parametrize("name", TASKS)
def test_each_tasks_name_may_follow_a_dot(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "orig_argv", [sys.executable, "-m", f"functions.{name}", "--help"])
    monkeypatch.setattr(sys, "argv", ["-m", "--help"])
    monkeypatch.setattr(sys, "meta_path", [functions._Command, *sys.meta_path])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(f"functions.{name}", run_name="__main__")
    assert ended.value.code == 0 and TASKS[name].summary in capsys.readouterr().out


@pytest.mark.parametrize("name", ["tick", "weekly_backups"])
def test_what_is_no_task_is_none_after_a_dot_either(ask: Ask, name: str) -> None:
    done, same = run("-m", f"functions.{name}"), ask(name)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", same.stderr)


@pytest.mark.parametrize("words", [("source=a", "source=b"), ("source=a", "source=a")])
def test_a_parameter_that_is_given_twice_is_refused(ask: Ask, words: tuple[str, ...]) -> None:
    done = ask("backup", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "source is given twice; give it once\n"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        *(("backup_id", text, text) for text in ("17431094", "00ef084d", "12e45678", "true")),
        *(("target", text, text) for text in ("2026", "true", "1.5", "NaN", "shop", "[1]", "{}")),
        ("target", '"2026"', "2026"),
        *(("source", text, text) for text in ("1", "all", "false")),
        ("schemas", '["a"]', ["a"]),
        ("databases", "all", "all"),
        ("databases", '["7"]', ["7"]),
        ("encrypt", "false", False),
        ("encrypt", "yes", "yes"),
        ("drive_count", "7", 7),
        ("retention", '{"days": 3}', {"days": 3}),
        ("retention", "3", 3),
        ("compression", "gzip", "gzip"),
        ("colour", "7", 7),
    ],
)
def test_text_stays_text_where_the_task_takes_text(name: str, text: str, value: object) -> None:
    task = TASKS["backup_restore" if name in ("backup_id", "target") else "backup"]
    assert typed.values([f"{name}={text}"], task.params) == {name: value}


def test_a_tasks_own_file_runs_no_other(ask: Ask) -> None:
    done = ask("postgres_backup", "database_backup")
    assert done.returncode == 2
    assert "'database_backup' is no parameter; write name=value" in done.stderr
