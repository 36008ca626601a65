"""The folder is the architecture: files, functions, tasks and pages agree; imports stay cheap."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

import functions
import shared
from shared.api.schedules.shapes import NewSchedule
from shared.settings import from_env
from shared.tasks import JobContext, Params, Registry, Result, task

_STORAGE = {"AzureWebJobsStorage": "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ=="}
_HOST = json.loads(Path("host.json").read_text())
_CLIENTS = ("azure", "requests", "urllib3", "certifi")
_HEAVY = (
    *("fastapi", "azure.data.tables", "azure.storage", "azure.identity", "psycopg", "zstandard"),
    *("sqlalchemy", "alembic", "sendgrid", "requests", "google", "pyrage", "jinja2", "resvg_py"),
    *("stripe", "opentelemetry"),
    *("twilio", "phonenumbers", "cryptography", "holidays", "icalendar"),
    *("fpdf", "xlsxwriter", "pyarrow", "dns.", "dulwich", "bandit", "detect_secrets", "lizard"),
    *("jsonpath", "standardwebhooks", "urllib3", "yaml", "packaging"),
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
    assert not {"shared.app", "shared.engine.work.worker", "shared.storage.connect"} & set(loaded)


def test_what_runs_jobs_loads_nothing_of_tracing_unless_it_is_on() -> None:
    """The web framework does, but a process that only ticks or works has no use for that."""
    settings = "from shared.settings import from_env; import os; wanted = from_env(os.environ)"
    loaded = fresh(
        f"import sys, shared.process; {settings}; from shared.tracing.setup import turn_on; "
        "turn_on(wanted.tracing); print(*sys.modules)"
    )
    assert "shared.tracing.spans" in loaded and "shared.engine.work.worker" in loaded
    assert [name for name in loaded if name.startswith("opentelemetry")] == []


def test_importing_what_knows_the_storage_loads_no_client_of_it() -> None:
    files = Path("shared/storage").rglob("[a-z]*.py")
    modules = [".".join(path.with_suffix("").parts) for path in files]
    assert "shared.storage.lean" in modules and "shared.storage.tables.table" in modules
    loaded = fresh(f"import sys, {', '.join(modules)}; print(*sys.modules)")
    assert [name for name in loaded if name.startswith(_CLIENTS)] == []


def test_tables_and_queues_have_no_client_but_our_own() -> None:
    """Nor is another one deployed."""
    files = [path for room in ("shared", "functions") for path in Path(room).rglob("*.py")]
    imported = {
        name
        for path in files
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in [getattr(node, "module", None), *(one.name for one in node.names)]
    }
    assert "azure.storage.blob" in imported
    assert not imported & {"azure.data", "azure.data.tables", "azure.storage.queue"}
    deployed = Path("requirements.txt").read_text()
    assert "azure-storage-blob==" in deployed
    assert "azure-data-tables==" not in deployed and "azure-storage-queue==" not in deployed


def test_the_host_gives_as_many_messages_as_jobs_may_run() -> None:
    """Each message has a job at least: fewer would leave room for jobs unused, and of more the last
    would wait here while another instance is free."""
    queues = _HOST["extensions"]["queues"]
    settings = from_env(_STORAGE)
    in_hand = queues["batchSize"] + queues["newBatchThreshold"]
    assert in_hand == settings.jobs_per_instance == settings.long_jobs_per_instance
    assert queues["batchSize"] <= 32, "a queue gives no more at once"


def test_a_function_may_run_longer_than_any_job() -> None:
    """By ten minutes at least, in which it waits for hands and writes down what became of it."""
    hours, minutes, seconds = map(int, _HOST["functionTimeout"].split(":"))
    longest = timedelta(hours=hours, minutes=minutes, seconds=seconds) - timedelta(minutes=10)
    taken = NewSchedule.model_json_schema()["properties"]["timeout_seconds"]["anyOf"][0]["maximum"]
    asked = max(one.timeout_seconds for one in functions.tasks())
    assert timedelta(seconds=max(taken, asked)) <= longest
    assert taken == 7200


def test_each_file_is_a_function_of_its_name() -> None:
    whole = "import functions; print(*[t.name for t in functions.tasks() if t.recurrence is None])"
    on_demand = fresh(whole)  # they have no time, so there is nothing that would trigger them
    files = sorted(set(functions.names()) - set(on_demand))
    code = (
        "import function_app as f; print(*[x.get_function_name() for x in f.app.get_functions()])"
    )
    assert sorted(fresh(code)) == files


def test_the_map_of_shared_names_each_part_of_it() -> None:
    listed = [
        line for line in (shared.__doc__ or "").splitlines() if re.match(r"[a-z_, ]+   ", line)
    ]
    named = {name.strip() for line in listed for name in line[:30].split(",")}
    parts = [
        path for path in Path("shared").iterdir() if path.suffix == ".py" or any(path.glob("*.py"))
    ]
    there = {path.stem for path in parts if not path.name.startswith("_")}
    assert named == there


def test_each_task_has_its_line_in_the_readme() -> None:
    code = "import functions; print(*[t.name for t in functions.tasks()])"
    table = re.findall(r"^\| `(\w+)` \|", Path("README.md").read_text(), re.MULTILINE)
    tasks = fresh(code)
    assert sorted(table) == sorted(set(table)), "a task has two lines in README.md"
    missing, gone = set(tasks) - set(table), set(table) - set(tasks)
    assert not missing, f"add a line for each to the table of README.md: {', '.join(missing)}"
    assert not gone, f"README.md has lines of tasks that are none: {', '.join(gone)}"


def test_the_glossary_is_in_the_order_that_it_says() -> None:
    page = Path("docs/architecture.md").read_text()
    words, _ = page.split("In alphabetical order:")[1].split("## Shape")
    found = [word.lower() for word in re.findall(r"^- \*\*([^*]+)\*\*", words, re.MULTILINE)]
    assert len(found) > 60 and found == sorted(set(found))


_WAITS_BY_NO_CLOCK = {
    "shared/analysis/sandbox.py: program.wait",  # one that was killed
    "shared/backups/jobs/lock.py: over.wait",  # a hold is renewed whatever a job's clock says
    "shared/backups/postgres/programs.py: process.wait",
    "shared/backups/postgres/programs.py: self._process.wait",
    "shared/backups/postgres/restore.py: child.wait",
    "shared/backups/postgres/source.py: child.wait",
    "shared/clock.py: event.wait",
    "shared/storage/checked.py: self._wall.wait",  # which is a clock
}


def test_what_waits_for_an_event_waits_by_a_clock() -> None:
    """So a test need not wait. (ruff sees to it that nothing else reads the clock or sleeps.)"""
    waits = {
        f"{path}: {ast.unparse(call.func)}"
        for folder in ("shared", "functions")
        for path in Path(folder).rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
        if call.func.attr == "wait" and not ast.unparse(call.func.value).endswith("clock")
    }
    assert waits == _WAITS_BY_NO_CLOCK


def nothing(job: JobContext) -> Result:
    """Of which two tasks are made."""
    raise NotImplementedError


def test_two_tasks_of_one_name_are_refused() -> None:
    made = task("twin")(nothing)
    other = task("other", aliases=("twin",))(nothing)
    with pytest.raises(ValueError, match="twin"):
        Registry([made, other])


class Needy(Params):
    """Of which a schedule must say something."""

    where: str


def test_a_system_schedule_needs_parameters_with_defaults() -> None:
    with pytest.raises(ValueError, match="where"):

        @task("needy", cron="0 0 * * *")
        def needy(job: JobContext, params: Needy) -> Result:
            raise NotImplementedError
