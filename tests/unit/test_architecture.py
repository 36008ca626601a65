"""The folder is the architecture: files, functions, tasks and pages agree; imports stay cheap."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from shared.log import Event
from shared.tasks import Params, Registry, task

_STORAGE = {"AzureWebJobsStorage": "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ=="}
_HEAVY = (
    *("fastapi", "azure.data.tables", "azure.storage", "azure.identity", "psycopg", "zstandard"),
    *("sqlalchemy", "sendgrid", "requests", "google", "pyrage"),
)


def fresh(code: str) -> list[str]:
    """What a fresh interpreter prints, line by line."""
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | _STORAGE, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_importing_the_app_loads_nothing_that_only_some_runs_need() -> None:
    loaded = fresh("import sys, function_app; print(*sys.modules)")
    assert "azure.functions" in loaded
    assert [name for name in loaded if name.startswith(_HEAVY)] == []


def test_each_file_is_a_function_of_its_name() -> None:
    whole = "import functions; print(*[t.name for t in functions.tasks() if t.recurrence is None])"
    on_demand = fresh(whole)  # they have no time, so there is nothing that would trigger them
    files = sorted({path.stem for path in Path("functions").glob("[a-z]*.py")} - set(on_demand))
    code = (
        "import function_app as f; print(*[x.get_function_name() for x in f.app.get_functions()])"
    )
    assert sorted(fresh(code)) == files


def test_each_task_has_its_line_in_the_readme() -> None:
    code = "import functions; print(*[t.name for t in functions.tasks()])"
    table = re.findall(r"^\| `(\w+)` \|", Path("README.md").read_text(), re.MULTILINE)
    assert sorted(fresh(code)) == sorted(table)


def test_each_event_is_logged_somewhere() -> None:
    sources = "".join(path.read_text() for path in Path("shared").rglob("*.py"))
    ends = {f"job_{word}" for word in ("succeeded", "failed", "skipped", "missed", "cancelled")}
    unused = [e.name for e in Event if e not in ends and f"Event.{e.name}" not in sources]
    assert unused == []


def test_two_tasks_of_one_name_are_refused() -> None:
    made = task("twin")(lambda _job, _params: {})
    other = task("other", aliases=("twin",))(lambda _job, _params: {})
    with pytest.raises(ValueError, match="twin"):
        Registry([made, other])


def test_a_system_schedule_needs_parameters_with_defaults() -> None:
    class Needy(Params):
        where: str

    with pytest.raises(ValueError, match="where"):
        task("needy", params=Needy, cron="0 0 * * *")
