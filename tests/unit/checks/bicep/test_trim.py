"""The table is made from a clone of Azure's types, and says the same as they do."""

import json
import subprocess
from pathlib import Path

import pytest

from checks.bicep.table.kept import KEPT
from checks.bicep.table.lookup import Table, table
from checks.bicep.table.notation import read
from checks.bicep.table.trim import Clone, text, trimmed
from checks.bicep.types import (
    BOOLEAN,
    TEXT,
    Choice,
    Constant,
    Field,
    Integer,
    Record,
    Sequence,
    Text,
    Type,
    Variants,
    resolved,
)

NAME = "Contoso.Toys/toys@2025-01-01"
TYPES = [
    {"$type": "StringType"},
    {"$type": "StringType", "minLength": 3, "maxLength": 24, "pattern": "^[a-z]+$"},
    {"$type": "IntegerType", "minValue": 1},
    {"$type": "StringLiteralType", "value": "Red"},
    {"$type": "StringLiteralType", "value": "Blue"},
    {"$type": "UnionType", "elements": [{"$ref": "#/0"}, {"$ref": "#/3"}, {"$ref": "#/4"}]},
    {
        "$type": "ObjectType",
        "name": "Part",
        "properties": {"parts": {"type": {"$ref": "#/7"}, "flags": 0, "description": "More."}},
    },
    {"$type": "ArrayType", "itemType": {"$ref": "#/6"}, "maxLength": 5},
    {
        "$type": "ObjectType",
        "name": "Contoso.Toys/toys",
        "properties": {
            "id": {"type": {"$ref": "#/0"}, "flags": 10},
            "name": {"type": {"$ref": "#/1"}, "flags": 25},
            "color": {"type": {"$ref": "#/5"}, "flags": 0},
            "count": {"type": {"$ref": "#/2"}, "flags": 0},
            "part": {"type": {"$ref": "#/6"}, "flags": 0},
            "secret": {"type": {"$ref": "#/9"}, "flags": 4},
            "kind": {"type": {"$ref": "#/10"}, "flags": 0},
        },
        "additionalProperties": {"$ref": "#/0"},
    },
    {"$type": "StringType", "sensitive": True},
    {
        "$type": "DiscriminatedObjectType",
        "name": "Kind",
        "discriminator": "type",
        "baseProperties": {"type": {"type": {"$ref": "#/0"}, "flags": 1}},
        "elements": {"Red": {"$ref": "#/6"}},
    },
    {"$type": "ResourceType", "name": NAME, "body": {"$ref": "#/8"}, "writableScopes": 12},
]


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    folder = tmp_path / "bicep-types-az"
    file = folder / "generated/toys/contoso.toys/2025-01-01/types.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(TYPES), encoding="utf-8")
    git = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@example.com"]
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "types"]):
        subprocess.run([*git, *command], check=True)
    return Clone(folder)


def test_what_is_kept(clone: Clone) -> None:
    written = json.loads(text(clone.commit, trimmed(clone, (NAME,))))
    assert written.pop("source").endswith(clone.commit)
    toys = Table(written).find("contoso.toys/TOYS", "2025-01-01")
    assert toys is not None
    assert toys.scopes == {"subscription", "resourceGroup"}
    body = resolved(toys.body)
    assert isinstance(body, Record)
    assert body.rest == TEXT
    assert body.fields["id"] == Field(type=TEXT, read_only=True)
    assert body.fields["name"] == Field(
        type=Text(minimum=3, maximum=24, pattern="^[a-z]+$"), required=True
    )
    assert body.fields["color"].type == Choice((Constant("Red"), Constant("Blue"), TEXT))
    assert body.fields["count"].type == Integer(minimum=1)
    assert body.fields["secret"].type == Text(secure=True)
    kind = body.fields["kind"].type
    assert isinstance(kind, Variants)
    assert (kind.key, list(kind.choices)) == ("type", ["Red"])


def test_a_type_may_contain_itself(clone: Clone) -> None:
    written = json.loads(text(clone.commit, trimmed(clone, (NAME,))))
    del written["source"]
    toys = Table(written).find("Contoso.Toys/toys", "2025-01-01")
    assert toys is not None
    part: Type = toys.body
    for name in ("part", "parts", "parts"):
        record = resolved(part.item if isinstance(part, Sequence) else part)
        assert isinstance(record, Record)
        part = resolved(record.fields[name].type)
    assert isinstance(part, Sequence)
    assert part.maximum == 5


def test_a_type_that_azure_does_not_have_is_named(clone: Clone) -> None:
    with pytest.raises(LookupError, match=r"Contoso\.Toys/games.*2025-01-01"):
        trimmed(clone, (NAME, "Contoso.Toys/games@2025-01-01"))


def test_the_table_has_what_is_listed_and_nothing_else() -> None:
    for full in KEPT:
        name, _, version = full.partition("@")
        found = table().find(name, version)
        assert found is not None, f"{full}: make the table anew (CONTRIBUTING.md)"
        assert found.name == name
    assert len(table().names()) == len(KEPT)


def test_every_type_of_the_table_can_be_read() -> None:
    for full in table().names():
        name, _, version = full.partition("@")
        assert table().find(name, version) is not None


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("string", TEXT),
        ("string 3..24 /^[a-z]+$/", Text(minimum=3, maximum=24, pattern="^[a-z]+$")),
        ("string ..90", Text(maximum=90)),
        ("int -1..5", Integer(minimum=-1, maximum=5)),
        ("bool", BOOLEAN),
        ("'a'", Constant("a")),
        ("'a' | 'b' | string", Choice((Constant("a"), Constant("b"), TEXT))),
        (["string", "1..5"], Sequence(item=TEXT, minimum=1, maximum=5)),
        ({"a!": "bool"}, Record(fields={"a": Field(type=BOOLEAN, required=True)})),
    ],
)
def test_the_notation(written: str, wanted: Type) -> None:
    assert read(written, lambda _: TEXT) == wanted


def test_what_is_no_type_is_refused() -> None:
    with pytest.raises(ValueError, match="'number', which is no type"):
        read("number", lambda _: TEXT)
