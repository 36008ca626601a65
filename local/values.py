"""local.settings.json, kept as Core Tools and the local host read it.

Made from the example when it is missing. Four values are ours to keep right, because they follow
from the ports and the folder; but one that points elsewhere (a person's own database, a real
storage account) is that person's, and stays.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared.errors import Misconfigured

_MODE = 0o600
"""It holds passwords."""
EXAMPLE = Path(__file__).parents[1] / "local.settings.json.example"
_OURS = {
    "AzureWebJobsStorage": re.compile("AccountName=devstoreaccount1;|UseDevelopmentStorage=true"),
    "POSTGRES_URL": re.compile(r"@(127\.0\.0\.1|localhost)(:\d+)?/company$"),
    "DATABASE_PATH": re.compile(r"(^|/)company\.db$"),
    "SECRETS_KEY": re.compile("(?!)"),  # one that is there opens what is there
}


def read(file: Path) -> dict[str, str]:
    """The file's values, or the example's if there is none. Raises `Misconfigured`."""
    values = _read(file if file.exists() else EXAMPLE)["Values"]
    return {name: str(value) for name, value in values.items()}


def keep(file: Path, managed: Mapping[str, str]) -> dict[str, str]:
    """Bring the file up to date; all its values. Raises `Misconfigured` when it is not JSON."""
    document = _read(file if file.exists() else EXAMPLE)
    values = document["Values"]
    for name, value in managed.items():
        if _is_ours(name, str(values.get(name, ""))):
            values[name] = value
    text = json.dumps(document, indent=2) + "\n"
    if not file.exists() or file.read_text() != text:
        beside = file.with_suffix(".new")
        beside.unlink(missing_ok=True)
        beside.touch(_MODE)
        beside.write_text(text)
        beside.replace(file)
    file.chmod(_MODE)
    return {name: str(value) for name, value in values.items()}


def not_ours(values: Mapping[str, str], managed: Mapping[str, str]) -> list[str]:
    """Which of the managed values a person has set to something else."""
    return [name for name, value in managed.items() if values[name] != value]


def export(values: Mapping[str, str], managed: Mapping[str, str]) -> None:
    """Give the values to this process. The environment wins, but for what we manage."""
    for name, value in values.items():
        if name in managed:
            os.environ[name] = value
        else:
            os.environ.setdefault(name, value)


def _is_ours(name: str, value: str) -> bool:
    return not value or bool(_OURS[name].search(value))


def _read(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise Misconfigured(f"{file} cannot be read: {error}") from None
    if not isinstance(document, dict) or not isinstance(document.get("Values"), dict):
        raise Misconfigured(f'{file} has no object "Values"')
    return document
