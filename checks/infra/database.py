"""The order in which the parts of a database server are made; Azure shows a wrong one at run time.

A database belongs to whoever is administrator while it is made: to Azure's own superuser if nobody
is, and then nobody may make tables in it (Azure/bicep-registry-modules #3596). A server that was
just made takes no administrators for a while (Azure/azure-postgresql #127).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from checks.bicep import Problem, Resource
from checks.infra.infra import Infra, depends_on, line_of, problem, text

_SERVER = "Microsoft.DBforPostgreSQL/flexibleServers"


def owned(infra: Infra) -> Iterator[Problem]:
    """One administrator comes before the database, all others after it."""
    databases = {one.symbol: (file, one) for file, one in infra.deployed(f"{_SERVER}/databases")}
    administrators = list(infra.deployed(f"{_SERVER}/administrators"))
    symbols = {one.symbol for _, one in administrators}
    for symbol, (file, database) in databases.items():
        first = symbols & _after(database)
        if len(first) != 1:
            yield problem(file, database, f"{symbol} must come after exactly one administrator")
        for there, one in administrators:
            if one.symbol not in first and symbol not in _after(one):
                yield problem(there, one, f"{one.symbol} must come after {symbol}")


def after_its_server(infra: Infra) -> Iterator[Problem]:
    """Administrators are made once the server's own module, and its private endpoint, are there."""
    servers = {file.path for file, _ in infra.deployed(_SERVER)}
    for file, one in infra.deployed(f"{_SERVER}/administrators"):
        if file.path in servers:
            yield problem(file, one, f"{one.symbol} must stand in another module than its server")
    for module in infra.main.modules:
        made = next((one for one in infra.program.files if one.path == module.file), None)
        kinds = {one.type for one in made.resources} if made else set()
        after = depends_on(infra, module.symbol)
        if f"{_SERVER}/administrators" in kinds and "endpoints" not in after:
            line = line_of(infra.main, f"module {module.symbol} ")
            yield problem(infra.main, line, f"{module.symbol} must depend on endpoints")


def _after(resource: Resource) -> set[str]:
    named = resource.body.get("dependsOn")
    found = named if isinstance(named, list) else []
    return {name for one in found for name in re.findall(r"\w+", text(one))}
