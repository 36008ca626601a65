"""The settings of the app and those of the infrastructure are the same ones.

Each setting of shared/settings/table.py and of a channel is a property of the type `appSettings`,
or a secret that may be named in `secrets`, or made by the infrastructure itself, or not needed in
Azure; and there is none beside them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches

import functions
from checks.bicep import Problem
from checks.infra.infra import Infra, line_of, problem
from checks.infra.site import own_settings
from shared.notifications import channels
from shared.settings import SETTINGS, Setting, task_settings

NOT_IN_AZURE: Mapping[str, str] = {
    "AzureWebJobsStorage": "the identity has AzureWebJobsStorage__accountName instead",
    "BACKUP_STORAGE": "the identity has BACKUP_STORAGE__accountName instead",
    "DATABASE_PATH": "an instance has no disk that outlives it, so no SQLite database",
    "POSTGRES_BIN": "the package has the programs in its wheel",
}
"""Settings that Azure does not need, and why."""

_BY_IDENTITY = ("DATABASE_URL", "POSTGRES_URL")
"""Secret for the password that such a URL may have; one that signs in by identity has none."""
_SECRET_PATTERN = re.compile(r"BACKUP_[A-Z][A-Z0-9]{0,19}_(URL|STORAGE)")
_OPEN_PATTERN = re.compile(
    r"BACKUP_[A-Z][A-Z0-9]{0,19}_(CONTAINER|STORAGE__(accountName|blobServiceUri|clientId|credential))"
)


def declared() -> dict[str, Setting]:
    """All settings by name, those of channels too."""
    found = [*SETTINGS, *(one for several in channels.declared().values() for one in several)]
    return {one.name: one for one in found}


def complete(infra: Infra) -> Iterator[Problem]:
    """Each setting has exactly one way into the app, and each way leads to a setting."""
    types, app = infra.file("settings.bicep"), infra.file("app.bicep")
    if types is None or app is None:
        yield problem(infra.main, 1, "modules/settings.bicep or modules/app.bicep is not used")
        return
    found = types.types.get("appSettings")
    open_ones = {name for name in found if name != "*"} if isinstance(found, Mapping) else set()
    known = declared()
    line = line_of(types, "type appSettings")
    yield from (
        problem(types, line_of(types, f"  {name}:"), f"{name} is {why}")
        for name in sorted(open_ones)
        if (why := _wrong(name, known))
    )
    made = set(own_settings(app))
    for name in sorted(made & {one.name for one in known.values() if one.secret}):
        if name not in _BY_IDENTITY:
            yield problem(app, line_of(app, f"{name}:"), f"the secret {name} is set in clear")
    for name, setting in known.items():
        if name not in open_ones | made and not setting.secret and name not in NOT_IN_AZURE:
            yield problem(
                types,
                line,
                f"{name} of docs/settings.md cannot be set: add `{name}: string?` to appSettings, "
                "or to NOT_IN_AZURE (checks/infra/settings.py) with the reason",
            )


def _wrong(name: str, known: Mapping[str, Setting]) -> str | None:
    if name in NOT_IN_AZURE:
        return f"not for Azure: {NOT_IN_AZURE[name]}"
    if name not in known:
        return "no setting of docs/settings.md"
    return "secret: its name belongs into `secrets`" if known[name].secret else None


def given(infra: Infra) -> Iterator[Problem]:
    """What stands in main.parameters.json is known, and no secret."""
    app = infra.file("app.bicep")
    fixed = set(own_settings(app)) if app else set()
    known = declared()
    for name in infra.parameters.get("settings") or {}:
        if (name in known and known[name].secret) or _SECRET_PATTERN.fullmatch(name):
            yield _in_parameters(
                infra,
                f"the secret {name} is in settings; put it into the vault, its name into secrets",
            )
        elif name in NOT_IN_AZURE:
            yield _in_parameters(infra, f"{name} is not for Azure: {NOT_IN_AZURE[name]}")
        elif name in fixed - _REPLACEABLE:
            yield _in_parameters(
                infra,
                f"{name} is set by infra/modules/app.bicep; leave it out, and look whether a "
                "parameter of docs/deploy.md says what you want",
            )
        elif name not in known and not _OPEN_PATTERN.fullmatch(name):
            yield from (_in_parameters(infra, text) for text in _of_no_task(name, known))
    for name in infra.parameters.get("secrets") or ():
        secret = name in known and known[name].secret and name not in NOT_IN_AZURE
        if not secret and not _SECRET_PATTERN.fullmatch(name):
            yield _in_parameters(infra, f"secrets has {name}, which is no secret setting")


def _of_no_task(name: str, known: Iterable[str]) -> Iterator[str]:
    of_tasks = [one for task in functions.tasks() for one in task_settings(task.name)]
    if name not in of_tasks:
        near = get_close_matches(name, [*known, *of_tasks], n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        yield f"{name} is no setting of docs/settings.md, and of no task{hint}"


_REPLACEABLE = {"PUBLIC_BASE_URL", "BACKUP_DESTINATIONS"}
"""Made by the infrastructure, unless somebody sets them."""


def _in_parameters(infra: Infra, message: str) -> Problem:
    return Problem(infra.parameters_file, 1, message)


def documented(infra: Infra, page: str) -> Iterator[Problem]:
    """Each parameter of main.bicep is named on the page about deploying."""
    for name, parameter in infra.main.params.items():
        if not re.search(rf"`[^`]*\b{name}\b[^`]*`", page) and not name.startswith("postgres"):
            yield problem(infra.main, parameter.line, f"docs/deploy.md does not name {name}")
