"""A budget is one that Azure takes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from checks.bicep import Problem
from checks.infra.infra import Infra, at, problem, text

_FIRST = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])-01T00:00:00Z")


def accepted(infra: Infra) -> Iterator[Problem]:
    """It begins with a month, and each of its mails has a reader, also without `alertEmails`.
    https://learn.microsoft.com/rest/api/consumption/budgets/create-or-update"""
    amount, start = (infra.parameters.get(name) for name in ("budgetAmount", "budgetStart"))
    if amount and not _is_variable(start) and not _FIRST.fullmatch(str(start)):
        yield Problem(
            infra.parameters_file,
            1,
            "budgetStart must be the first of a month: 2030-01-01T00:00:00Z",
        )
    for file, resource in infra.deployed("Microsoft.Consumption/budgets"):
        for name, one in (at(resource.body, "properties.notifications") or {}).items():
            readers = file.variables.get(text(one.get("contactRoles")))
            if text(readers) != "empty(emails) ? ['Owner'] : []":
                yield problem(file, resource, f"the mail {name} has no reader if emails is empty")


def _is_variable(value: object) -> bool:
    """Whether azd puts a value of the environment there."""
    return isinstance(value, str) and value.startswith("${")
