"""Each task does the same whatever the company's tables and columns are called (DATA_NAMES)."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local.azurite import Azurite
from shared.data.names import TABLES
from shared.settings import Secret
from tests.company import at

_prefixes = itertools.count()


def said(url: Secret, names: str, folder: Path, azurite: Azurite) -> dict[str, Any]:
    """What the tasks did on tables with these names."""
    file = folder / "names.toml"
    file.write_text(names)
    program = [sys.executable, "-m", "tests.integration.data.every_task"]
    given = [url.reveal(), str(file), azurite.connection_string, f"every{next(_prefixes)}"]
    done = subprocess.run([*program, *given], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def by_our_names(tmp_path_factory: pytest.TempPathFactory, azurite: Azurite) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("ours")
    return said(at(folder / "data.db"), "", folder, azurite)


def test_every_name_may_be_another(
    empty: Secret, by_our_names: dict[str, Any], tmp_path: Path, azurite: Azurite
) -> None:
    lines = []
    for table, columns in TABLES.items():
        lines += [f"[{table}]", f'table = "their {table}"']
        lines += [f'{column} = "their {column}"' for column in columns]
    assert said(empty, "\n".join(lines), tmp_path, azurite) == by_our_names


def test_each_task_found_something_to_do(by_our_names: dict[str, Any]) -> None:
    did = {
        name.removesuffix(", dry_run=False"): result
        for name, result in by_our_names.items()
        if name.endswith(", dry_run=False")
    }
    assert did["appointment_reminders_24h"]["total_messages"] == 1
    assert did["appointment_reminders_2h"]["total_messages"] == 1
    assert did["vaccination_monitor"]["total_status_updates"] == 2
    assert did["vaccination_monitor"]["total_messages"] == 1
    assert did["no_show_detector"]["total_fees_applied"] == 1
    assert did["reputation_updater"]["total_lowered"] == 1
    assert did["reputation_updater"]["total_recovered"] == 1
    assert did["metrics_reset"]["counters_closed"] == 2
    assert did["daily_cost_report"]["cost_minor"] == {"USD": 300}
    assert did["spend_guard"]["billing"] == "paused"
    assert by_our_names["opted out"] == 1
