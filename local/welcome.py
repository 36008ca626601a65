"""What a person sees when everything runs: where things are, what comes next, what to try."""

from __future__ import annotations

import json
import os
import shlex
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[1]
_SETTINGS = "BELFRY_LOCAL_SETTINGS"
_PATIENCE = 30.0

_TRY = """\
Worth trying:
  {belfry} list
  {belfry} create --name Watch --task backup_monitor --every 3600 --tag team=backend
  {belfry} run backup_monitor --force --follow
  curl -X POST {url}/api/v1/backups/plans -H 'content-type: application/json' -d \
'{{"project_id": 1, "name": "hourly", "source": "postgres", "frequency": "hourly", \
"retention": {{"hourly": 24, "daily": 14}}}}'
  {python} -m functions postgres_backup
  curl {url}/api/v1/backups/sources
  {belfry} create --name Belfry --task health_check --every 60 --project 1
  curl {url}/api/v1/task-types/webhook_delivery
"""
_HERE = "http://localhost:7071"
"""Where bin/belfry asks if nothing says otherwise."""
_CLOSED = (
    "Keys were made, so each request needs one (docs/access.md). Give bin/belfry yours as "
    "BELFRY_KEY,",
    "and curl with -H 'Authorization: Bearer bfy_...'.",
)
_OPEN = (
    "No key was made yet: whoever reaches this machine's API is an admin (docs/access.md).",
    "  {python} -m functions keys create name=NAME role=admin",
)


def wait_for(url: str, patience: float = _PATIENCE) -> Any:
    """What `url` answers as JSON, as soon as it answers; None when it does not, or is not JSON."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            error.close()
            return None
        except ValueError:
            return None
        except OSError:
            time.sleep(0.05)
    return None


def is_open(url: str) -> bool:
    """Whether the API lets whoever comes in as an admin, since no key was made yet."""
    return wait_for(f"{url}/api/v1/keys") is not None


def text(url: str, places: Mapping[str, str], status: Any, *, is_open: bool = False) -> str:
    """The whole message. `status` is the app's own /status, or None."""
    lines = ["", f"Belfry is running: {url}", ""]
    lines += [f"  {name:<12} {place}" for name, place in places.items()]
    command = python(os.environ.get(_SETTINGS, ""))
    said = _OPEN if is_open else _CLOSED
    lines += ["", *(line.format(python=command) for line in said)]
    jobs = status.get("jobs") if isinstance(status, dict) else None
    if isinstance(jobs, list) and jobs:
        lines += ["", "Next runs:", *_runs(jobs)]
    belfry = "bin/belfry" if url == _HERE else f"BELFRY_URL={url} bin/belfry"
    tried = _TRY.format(url=url, belfry=belfry, python=command)
    return "\n".join([*lines, "", tried, "Ctrl-C stops everything."])


def python(settings: str) -> str:
    """How the command line is started, in the project's folder, with the settings of that file."""
    if not settings or Path(settings) == REPO / "local.settings.json":
        return ".venv/bin/python"
    return f"{_SETTINGS}={shlex.quote(settings)} .venv/bin/python"


def write_ready(file: Path, facts: Mapping[str, Any]) -> None:
    """Tell a program that waits for it: the file is there when all serve, and is whole."""
    beside = file.with_suffix(".part")
    beside.write_text(json.dumps(facts))
    beside.replace(file)


def _runs(jobs: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each task that has times of its own; the others run when they are asked to."""
    return [
        f"  {job.get('name')!s:<25} {job.get('next_run_at') or 'never'}"
        for job in jobs
        if job.get("schedule") is not None
    ]
