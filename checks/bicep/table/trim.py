"""Makes the table: python -m checks.bicep.table.trim FOLDER

FOLDER is a clone of https://github.com/Azure/bicep-types-az (MIT), with or without a work tree.
The types in `kept` are looked up there; of each, names, types, limits and closed sets are kept,
and no description. One line a resource type, one for each type that several have in common.
"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from checks.bicep.table.kept import KEPT
from checks.bicep.table.notation import Written

TABLE = Path(__file__).parent / "types.json"
REQUIRED, READ_ONLY = 1, 2
SCOPES = {1: "tenant", 2: "managementGroup", 4: "subscription", 8: "resourceGroup", 16: "resource"}
"""The bits of a resource type's scopes in Azure's tables."""

Raw = dict[str, Any]


class Clone:
    """Azure's repository, read with git."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.commit = self._git("rev-parse", "HEAD").strip()
        self._paths = self._git("ls-tree", "-r", "--name-only", "HEAD", "generated").split("\n")

    def _git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self._folder), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def holding(self, namespace: str, version: str, names: set[str]) -> Iterator[list[Raw]]:
        """The files of the namespace in this version that have one of the types."""
        ending = f"/{namespace.lower()}/{version}/types.json"
        for path in self._paths:
            if path.lower().endswith(ending):
                types: list[Raw] = json.loads(self._git("show", f"HEAD:{path}"))
                if any(_name(raw) in names for raw in types):
                    yield types


class Section:
    """What is kept of one of Azure's files: its lines, by key."""

    def __init__(self, types: list[Raw], names: set[str]) -> None:
        self._types = types
        self.lines: dict[str, Written] = {}
        roots = [raw for raw in types if _name(raw) in names]
        self._uses: Counter[int] = Counter()
        for raw in roots:
            self._count(_target(raw["body"]))
        self._keys: dict[int, str] = {}
        for raw in roots:
            body = self._object(types[_target(raw["body"])])
            scopes: Written = " ".join(_scopes(raw))
            self.lines[_name(raw).partition("/")[2]] = {"@scopes": scopes, **body}

    def _count(self, index: int) -> None:
        self._uses[index] += 1
        if self._uses[index] == 1:
            for reference in _references(self._types[index]):
                self._count(_target(reference))

    def _written(self, reference: Raw) -> Written:
        index = _target(reference)
        raw = self._types[index]
        kind = raw["$type"]
        if kind in ("ObjectType", "DiscriminatedObjectType"):
            if self._uses[index] == 1:
                return dict(self._object(raw))
            return self._shared(index, raw)
        if kind == "ArrayType":
            limits = _limits(raw, "minLength", "maxLength")
            item = self._written(raw["itemType"])
            return [item, limits] if limits else [item]
        if kind == "UnionType":
            members = [self._written(element) for element in raw["elements"]]
            if not all(isinstance(member, str) for member in members):
                raise ValueError(f"a union of objects is not provided for: {raw}")
            return " | ".join(sorted(map(str, members), key=lambda member: member == "string"))
        return _scalar(raw)

    def _shared(self, index: int, raw: Raw) -> str:
        if index not in self._keys:
            key = f"#{raw['name'].rpartition('/')[2]}"
            while key in self.lines:
                key += "_"
            self._keys[index] = key
            self.lines[key] = {}
            self.lines[key] = dict(self._object(raw))
        return self._keys[index]

    def _object(self, raw: Raw) -> dict[str, Written]:
        fields: Raw = raw.get("properties") or raw.get("baseProperties") or {}
        written = {
            name + _mark(field["flags"]): self._written(field["type"])
            for name, field in sorted(fields.items())
        }
        if "additionalProperties" in raw:
            written["*"] = self._written(raw["additionalProperties"])
        if "discriminator" in raw:
            written["?" + raw["discriminator"]] = {
                value: self._written(element) for value, element in raw["elements"].items()
            }
        return written


def _name(raw: Raw) -> str:
    """`Microsoft.Web/sites`, of a resource type; else nothing."""
    return str(raw["name"]).partition("@")[0] if raw["$type"] == "ResourceType" else ""


def _target(reference: Raw) -> int:
    return int(reference["$ref"].removeprefix("#/"))


def _references(raw: object) -> Iterator[Raw]:
    if isinstance(raw, dict):
        if "$ref" in raw:
            yield raw
        for value in raw.values():
            yield from _references(value)
    elif isinstance(raw, list):
        for value in raw:
            yield from _references(value)


def _mark(flags: int) -> str:
    if flags & REQUIRED:
        return "!"
    return "-" if flags & READ_ONLY else ""


def _limits(raw: Raw, low: str, high: str) -> str:
    if low not in raw and high not in raw:
        return ""
    return f"{raw.get(low, '')}..{raw.get(high, '')}"


def _scalar(raw: Raw) -> str:
    match raw["$type"]:
        case "StringLiteralType":
            return f"'{raw['value']}'"
        case "StringType":
            limits = _limits(raw, "minLength", "maxLength")
            pattern = f"/{raw['pattern']}/" if "pattern" in raw else ""
            secret = "secret string" if raw.get("sensitive") else "string"
            return " ".join(filter(None, (secret, limits, pattern)))
        case "IntegerType":
            return " ".join(filter(None, ("int", _limits(raw, "minValue", "maxValue"))))
        case "BooleanType":
            return "bool"
        case "NullType":
            return "null"
        case "AnyType":
            return "any"
    raise ValueError(f"a type of this kind is not provided for: {raw}")


def _scopes(raw: Raw) -> list[str]:
    bits = int(raw.get("writableScopes") or raw.get("scopeType") or 0)
    return [word for bit, word in SCOPES.items() if bits & bit]


def trimmed(clone: Clone, kept: tuple[str, ...] = KEPT) -> dict[str, dict[str, Written]]:
    """The sections of the table. Raises LookupError for a type that the clone does not have."""
    sections: dict[str, dict[str, Written]] = {}
    wanted: dict[tuple[str, str], set[str]] = {}
    for full in kept:
        name, _, version = full.partition("@")
        wanted.setdefault((name.partition("/")[0], version), set()).add(name)
    for (namespace, version), names in wanted.items():
        lines = sections.setdefault(f"{namespace}@{version}", {})
        for types in clone.holding(namespace, version, names):
            found = Section(types, names).lines
            if both := found.keys() & lines.keys():
                raise ValueError(f"two files of {namespace} {version} have {sorted(both)}")
            lines |= found
        if missing := [name for name in names if name.partition("/")[2] not in lines]:
            raise LookupError(f"Azure's tables have no {missing} in version {version}")
    return sections


def text(commit: str, sections: dict[str, dict[str, Written]]) -> str:
    """The table as JSON, one line a type, so that a diff can be read."""
    blocks = []
    for name, lines in sections.items():
        inner = ",\n".join(f"{json.dumps(key)}: {json.dumps(lines[key])}" for key in sorted(lines))
        blocks.append(f"{json.dumps(name)}: {{\n{inner}\n}}")
    source = f'"source": "https://github.com/Azure/bicep-types-az at {commit}"'
    return "{\n" + ",\n".join((source, *blocks)) + "\n}\n"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    clone = Clone(Path(sys.argv[1]))
    TABLE.write_text(text(clone.commit, trimmed(clone)), encoding="utf-8")
    print(f"{TABLE}: {len(KEPT)} resource types, {TABLE.stat().st_size} bytes")
