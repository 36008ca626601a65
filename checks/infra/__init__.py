"""What Belfry's infrastructure promises, as small functions over the Bicep program as it was read.

Each promise returns what breaks it. docs/deploy.md says the same to people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from checks.bicep import Problem
from checks.infra import (
    accounts,
    budget,
    database,
    names,
    repeating,
    roles,
    secrets,
    settings,
    site,
    tags,
)
from checks.infra.infra import Infra, read

__all__ = ["Infra", "Promise", "promises", "read"]


class Promise(NamedTuple):
    """One line of the output of `python -m checks`."""

    words: str
    broken_by: Callable[[Infra], Iterator[Problem]]


def promises(root: Path) -> tuple[Promise, ...]:
    """All of them, for the project in that folder."""
    page = (root / "docs" / "deploy.md").read_text()
    return (
        Promise("no key or connection string in a template", secrets.no_keys),
        Promise("no key in an output", secrets.no_key_in_outputs),
        Promise("no secret is a parameter", secrets.no_secret_parameters),
        Promise("secret settings are references to the vault", secrets.references),
        Promise("the database has no password", secrets.no_password),
        Promise("the vault keeps what is deleted, and takes roles alone", secrets.vault),
        Promise("accounts take identities alone", accounts.identities_alone),
        Promise(
            "a private network closes accounts, vault and database", accounts.closed_with_a_network
        ),
        Promise("backups can be brought back", accounts.backups_are_kept),
        Promise("roles are those that code needs", roles.as_listed),
        Promise("role assignments are the same each time", roles.well_formed),
        Promise("the custom role is narrow", roles.custom_role_is_narrow),
        Promise("names can be told", names.told),
        Promise("names are valid", names.valid),
        Promise("names are unique", names.unique),
        Promise("a second deployment changes nothing", repeating.nothing_changes),
        Promise("private endpoints are made one after the other", repeating.endpoints_in_turn),
        Promise("the database belongs to its first administrator", database.owned),
        Promise("administrators come after their server", database.after_its_server),
        Promise("a budget is one that Azure takes", budget.accepted),
        Promise("what is done to resources is told", repeating.diagnostics),
        Promise("azd's tag of the environment", tags.environment),
        Promise("azd's tag of the service", tags.service),
        Promise("the site is closed to passwords and plain HTTP", site.configured),
        Promise("settings of the host", site.settings_of_the_host),
        Promise("an instance takes several requests at a time", site.http_concurrency),
        Promise("the app comes after its roles and its container", site.after_roles_and_container),
        Promise(
            "always-ready instances are of functions",
            partial(site.always_ready, functions=function_names()),
        ),
        Promise("settings of the app and of the infrastructure are the same", settings.complete),
        Promise("what the parameter file sets is known, and no secret", settings.given),
        Promise("docs/deploy.md has each parameter", partial(settings.documented, page=page)),
    )


def function_names() -> list[str]:
    """The names of the functions that scale by themselves: timers and queues, not HTTP."""
    import functions

    no_functions = {task.name for task in functions.tasks() if task.recurrence is None}
    http = {path.stem for path in (Path(functions.__file__).parent / "http").glob("*.py")}
    return [name for name in functions.names() if name not in http | no_functions]
