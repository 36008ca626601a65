"""A deployment that was read is plain data, for checks of what it promises."""

from pathlib import Path

import pytest

from checks.bicep import Expression, File, Module, Program, Resource, load
from tests.unit.checks.bicep.deployments import SOUND, changed, problems


@pytest.fixture(scope="module")
def program() -> Program:
    return load(SOUND / "main.bicep")


def file(program: Program, name: str) -> File:
    return next(found for found in program.files if found.path.name == name)


def resource(found: File, symbol: str) -> Resource:
    return next(one for one in found.resources if one.symbol == symbol)


def module(found: File, symbol: str) -> Module:
    return next(one for one in found.modules if one.symbol == symbol)


def test_the_first_file_is_the_one_that_was_asked_for(program: Program) -> None:
    assert program.main.path == SOUND / "main.bicep"
    assert program.main.scope == "subscription"
    assert {found.path.name for found in program.files} == {
        "main.bicep",
        "shared.bicep",
        "storage.bicep",
        "app.bicep",
        "data.bicep",
    }


def test_parameters(program: Program) -> None:
    params = program.main.params
    assert params["environmentName"].required
    assert params["memoryMb"].allowed == (512, 2048, 4096)
    assert params["memoryMb"].default == 2048
    assert not params["extra"].required
    assert params["databasePassword"].secure
    assert params["settings"].type == "appSettings"


def test_literals_are_values_and_all_else_is_its_source(program: Program) -> None:
    account = resource(file(program, "storage.bicep"), "account")
    assert account.type == "Microsoft.Storage/storageAccounts"
    assert account.api_version == "2025-01-01"
    assert account.body["kind"] == "StorageV2"
    assert account.body["sku"] == {"name": Expression("sku")}
    assert program.main.variables["containers"] == Expression(
        "union(['deployment'], database ? ['dumps'] : [])"
    )


def test_a_nested_resource_has_its_whole_type(program: Program) -> None:
    container = resource(file(program, "storage.bicep"), "container")
    assert container.type == "Microsoft.Storage/storageAccounts/blobServices/containers"
    assert (container.parent, container.loop) == ("blobs", Expression("containers"))


def test_existing_resources_and_parents(program: Program) -> None:
    app = file(program, "app.bicep")
    assert resource(app, "storage").existing
    assert resource(app, "appSettingsConfig").parent == "app"


def test_modules(program: Program) -> None:
    data = module(program.main, "data")
    assert data.file == SOUND / "modules/data.bicep"
    assert data.condition == Expression("database")
    assert data.params["password"] == Expression("databasePassword")
    assert data.scope == Expression("resourceGroup(group.name)")
    assert module(program.main, "app").params["alwaysReady"] == [
        {"name": "http", "instanceCount": 1}
    ]


def test_spreads_keep_their_source(program: Program) -> None:
    tags = module(program.main, "app").params["tags"]
    assert tags == {"azd-service-name": "belfry", "...tags": Expression("tags")}


def test_types_and_outputs(program: Program) -> None:
    assert file(program, "shared.bicep").types["appSettings"] == {
        "AUDIT_DAYS": "string?",
        "BACKUP_DESTINATION": "string?",
        "TRACING": "('off' | 'azure' | 'console')?",
        "*": "string",
    }
    assert program.main.outputs["APP_NAME"].value == Expression("app.outputs.name")


def test_a_file_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "main.bicep")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("type a = b\ntype b = a?\nparam p a\noutput o bool = p == 1", "the type a is nothing but"),
        ("type a = { next: a?, name: string }\nparam p a\noutput o string = p.next.name", None),
        ("var a = b\nvar b = a\noutput o string = a", "a needs itself"),
        ("param p = 1", "a type is expected"),
        ("", None),
    ],
)
def test_what_leads_back_to_itself_ends(tmp_path: Path, source: str, said: str | None) -> None:
    (tmp_path / "main.bicep").write_text(source, encoding="utf-8")
    found = problems(tmp_path)
    assert bool(found) == (said is not None), found
    assert said is None or said in found[0]


def test_modules_that_deploy_each_other_are_found(tmp_path: Path) -> None:
    copy = changed(
        tmp_path,
        "modules/data.bicep",
        "output id",
        "module back '../main.bicep' = { scope: subscription(), params: { environmentName: 'x',"
        " location: location } }\n\noutput id",
    )
    assert problems(copy) == [
        "main.bicep:89: data.bicep deploys this file itself",
        "modules/data.bicep:46: main.bicep deploys this file itself",
    ]


def test_a_file_that_is_no_text_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "main.bicep").write_bytes(b"param a string\n\xff")
    assert problems(tmp_path) == [
        "main.bicep:1: the file is not UTF-8: invalid start byte at byte 15"
    ]
