"""Mistakes in the language: syntax, names, functions, decorators.

Each is made in a copy of the sound deployment: it is found, and nothing else is.
"""

from pathlib import Path

import pytest

from tests.unit.checks.bicep.deployments import (
    APP,
    DATA,
    MAIN,
    SHARED,
    STORAGE,
    Kinds,
    only_problem,
    titled,
)

SYNTAX: Kinds = {
    "no value": (MAIN, "var note = '''", "var nothing =\nvar note = '''", ":49: syntax: a value"),
    "no colon": (STORAGE, "kind: 'StorageV2'", "kind 'StorageV2'", "`:` after the name of a prop"),
    "no statement": (MAIN, "output APP_NAME", "outputs APP_NAME", "a statement (assert,"),
    "open string": (APP, "tier: 'FlexConsumption'", "tier: 'FlexConsumption", "' is missing"),
    "open bracket": (MAIN, "var first = empty(emails)", "var first = empty(emails", "`,` or `)`"),
    "two on a line": (
        STORAGE,
        "sku: { name: sku }",
        "sku: { name: sku tier: sku }",
        "a comma, a new line or `}` is expected, not `tier`",
    ),
    "line ends in an operator": (
        MAIN,
        "size == 'small' ?",
        "size ==\n'small' ?",
        "a value is expected, not the end of the line",
    ),
    "escape": (STORAGE, "'CanNotDelete'", r"'Can\Not'", r"\ begins no escape here"),
}

NAMES: Kinds = {
    "undefined": (
        MAIN,
        "'rg-${environmentName}'",
        "'rg-${environmentNam}'",
        "environmentNam is not defined; did",
    ),
    "undefined in a module": (
        APP,
        "serverFarmId: plan.id",
        "serverFarmId: plans.id",
        "plans is not",
    ),
    "twice": (
        MAIN,
        "output APP_NAME",
        "var token = '1'\noutput APP_NAME",
        "token is declared twice",
    ),
    "twice as output": (APP, "output host", "output name", "the output name is declared on line"),
    "unused parameter": (
        DATA,
        "param name string",
        "param name string\nparam x int = 1",
        "parameter x is never",
    ),
    "unused variable": (
        MAIN,
        "var token =",
        "var other = 1\nvar token =",
        "variable other is never",
    ),
    "unused import": (
        STORAGE,
        "param tags object",
        "import { sizes } from 'shared.bicep'\nparam tags object",
        "sizes is imported and never used",
    ),
    "unused existing": (
        DATA,
        "output id",
        "resource v 'Microsoft.KeyVault/vaults@2024-11-01' existing = { name: 'vault' }\noutput id",
        "the existing resource v is never used",
    ),
    "not exported": (
        SHARED,
        "@export()\ntype sizes = 'small' | 'large'",
        "type sizes = 'small' | 'large'\n\n@export()\ntype size = sizes",
        "shared.bicep does not export sizes: put @export() before it",
    ),
    "not exported, all": (SHARED, "@export()\ntype extra", "type extra", "exports no type extra"),
    "imports nothing": (MAIN, "sizes as planSizes", "size as planSizes", "declares no size"),
    "nested twice": (
        STORAGE,
        "properties: { publicAccess: 'None' }\n    }]",
        "properties: { publicAccess: 'None' }\n    }]\n\n    resource container 'containers' = {\n"
        "      name: 'one'\n    }",
        "container is declared twice in blobs",
    ),
    "in a cycle": (
        MAIN,
        "uniqueString(subscription().id,",
        "uniqueString(token,",
        "token needs itself, dir",
    ),
    "type": (SHARED, "monthly: int?", "monthly: number?", "there is no type number"),
}

FUNCTIONS: Kinds = {
    "unknown": (
        MAIN,
        "toLower(",
        "toLowercase(",
        "there is no function toLowercase(); did you mean",
    ),
    "too few arguments": (
        MAIN,
        "take('st${token}', 24)",
        "take('st${token}')",
        "takes 2 arguments",
    ),
    "of a file": (MAIN, "shared.named('func', token)", "shared.named('func')", "takes 2 arguments"),
    "of a file, type": (
        MAIN,
        "shared.named('func',",
        "shared.named(7,",
        "kind is string, and 7 is",
    ),
    "file": (DATA, "'16'", "loadTextContent('version.txt')", "there is no version.txt beside data"),
    "only in a default": (
        MAIN,
        "created: created",
        "created: '${created}${utcNow()}'",
        "only in the",
    ),
    "decorator": (STORAGE, "@minLength(3)", "@minimumLength(3)", "@minimumLength(); did you mean"),
    "decorator in a type": (
        SHARED,
        "@minValue(1)",
        "@minimum(1)",
        "there is no decorator @minimum()",
    ),
    "operand": (
        APP,
        "'Role ${i + 1} of",
        "'Role ${name + 1} of",
        "`+` takes int, and name is string",
    ),
    "condition": (
        MAIN,
        "if (database) {",
        "if (token) {",
        "the condition of data: string where bool",
    ),
}

KINDS = {**titled("syntax", SYNTAX), **titled("names", NAMES), **titled("functions", FUNCTIONS)}


@pytest.mark.parametrize("kind", KINDS)
def test_the_problem_is_found_and_nothing_else(kind: str, tmp_path: Path) -> None:
    _, _, _, said = KINDS[kind]
    assert said in only_problem(tmp_path, KINDS[kind])
