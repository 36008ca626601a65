"""Looks up resource types; the case of their names does not count, as in Azure."""

import difflib
import functools
import json
from dataclasses import dataclass
from pathlib import Path

from checks.bicep.table.notation import Written, read
from checks.bicep.types import Type

TABLE = Path(__file__).parent / "types.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceType:
    """`scopes`: tenant, managementGroup, subscription, resourceGroup; or resource: an extension."""

    name: str
    version: str
    scopes: frozenset[str]
    body: Type


class Table:
    def __init__(self, sections: dict[str, dict[str, Written]]) -> None:
        self._sections = sections
        self._names = {
            f"{section.partition('@')[0]}/{key}@{section.partition('@')[2]}".lower(): (section, key)
            for section, lines in sections.items()
            for key in lines
            if not key.startswith("#")
        }
        self._read: dict[tuple[str, str], Type] = {}

    def find(self, name: str, version: str) -> ResourceType | None:
        found = self._names.get(f"{name}@{version}".lower())
        if found is None:
            return None
        section, key = found
        line = self._sections[section][key]
        scopes = str(line["@scopes"]) if isinstance(line, dict) else ""
        return ResourceType(
            name=f"{section.partition('@')[0]}/{key}",
            version=version,
            scopes=frozenset(scopes.split()),
            body=self._type(section, key),
        )

    def _type(self, section: str, key: str) -> Type:
        """The type on a line of a section, read once."""
        if (section, key) not in self._read:
            written = self._sections[section][key]
            self._read[section, key] = read(written, lambda other: self._type(section, other))
        return self._read[section, key]

    def versions(self, name: str) -> tuple[str, ...]:
        """The API versions in which the table knows the type."""
        wanted = f"{name.lower()}@"
        return tuple(
            section.partition("@")[2]
            for known, (section, _) in self._names.items()
            if known.startswith(wanted)
        )

    def names(self) -> tuple[str, ...]:
        """Every type with its version, such as `Microsoft.Web/sites@2024-11-01`."""
        sections = ((*section.split("@"), key) for section, key in self._names.values())
        return tuple(f"{namespace}/{key}@{version}" for namespace, version, key in sections)

    def like(self, name: str) -> str | None:
        """The known type whose name is most like this one."""
        names = sorted({full.partition("@")[0] for full in self.names()})
        return next(iter(difflib.get_close_matches(name, names, n=1)), None)


@functools.cache
def table() -> Table:
    """The table that lies beside this file."""
    sections = json.loads(TABLE.read_text(encoding="utf-8"))
    del sections["source"]
    return Table(sections)
