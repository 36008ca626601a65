"""What a file of schedules may be: attacks and slips, each with the line that it is refused at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from belfry.code import exporting, reading, schema
from belfry.code.wanted import load, merged
from belfry.problems import Exit, Failure
from tests.unit.api.asking import stateless

HERE = Path("belfry.yaml")
LAUGHS = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n"
DEEP = "a: " + "[" * 31 + "]" * 31


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (LAUGHS, 1, "aliases"),
        ("a: 1\nb: *a\n", 2, "aliases"),
        ("a: &a 1\n", 1, "aliases"),
        ("x:\n  a: &a {b: 1}\n  <<: *a\n", 2, "aliases"),
        ("a: !!python/object/apply:os.system [id]\n", 1, "tag"),
        ("a: !!binary aGk=\n", 1, "tag"),
        ("a: !own 1\n", 1, "tag"),
        ("a: !!str 1\n", 1, "tag"),
        ("a: 1\nb: 2\na: 3\n", 3, "'a' is there twice"),
        ("a: {b: 1, b: 2}\n", 1, "'b' is there twice"),
        ("1: a\n", 1, "must be text"),
        ("true: a\n", 1, "must be text"),
        ("? [a]\n: b\n", 1, "must be text"),
        (DEEP, 1, "stand in each other"),
        ("a: " + "[" * 100_000, 1, "stand in each other"),
        ("- " * 100_000, 1, "stand in each other"),
        ("a: 1\n---\nb: 2\n", 2, "not YAML"),
        ("a: [1\n", 2, "not YAML"),
        ("a:\n\tb: 1\n", 2, "not YAML"),
        ("a: " + "9" * 5000 + "\n", 1, "too large"),
        ("a: 1.0e+999\n", 1, "too large"),
    ],
)
def test_what_is_refused(text: str, line: int, said: str) -> None:
    with pytest.raises(Failure, match=said) as told:
        reading.parsed(HERE, text.encode())
    assert told.value.code is Exit.WRONG and str(told.value).startswith(f"belfry.yaml:{line}: ")


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=":2: it is not UTF-8"):
        reading.parsed(HERE, b"a: 1\nb: \xff\n")
    with pytest.raises(Failure, match="a character that YAML has not"):
        reading.parsed(HERE, b"a: \x00\n")
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * (reading.LARGEST + 1))
    with pytest.raises(Failure, match="split it"):
        reading.read(large)
    with pytest.raises(Failure, match="cannot be read"):
        reading.read(tmp_path / "none.yaml")


def test_values_are_what_they_look_like() -> None:
    text = "{a: yes, b: 012, c: 12:30, d: 2030-01-31, e: 1_000, f: 0x1f, g: true, h: -7, i: 1.5}"
    assert reading.parsed(HERE, text.encode()).value == {
        **{"a": "yes", "b": "012", "c": "12:30", "d": "2030-01-31", "e": "1_000", "f": "0x1f"},
        **{"g": True, "h": -7, "i": 1.5},
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.text(max_size=20)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)  # fmt: skip


@given(value=st.dictionaries(st.text(max_size=9), JSON, max_size=4))
def test_what_is_exported_is_read_as_it_was(value: dict[str, Any]) -> None:
    text = exporting.text(value)
    assert reading.parsed(HERE, text.encode("utf-8", "surrogatepass")).value == value


def at(tmp_path: Path, text: str, name: str = "belfry.yaml") -> Path:
    (tmp_path / name).write_text(text)
    return tmp_path / name


ONE = "  a: {task_type: t, frequency: daily}\n"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("[]\n", 1, "give an object"),
        ("", 1, "give an object"),
        ("schedules: {}\n", 1, "owner is missing"),
        ("owner: a b\n", 1, "does not match"),
        ("owner: a\nschedule: {}\n", 2, "schedule: there is no such field"),
        ("owner: a\nschedules:\n  a: {task_type: t}\n", 3, "frequency is missing"),
        ("owner: a\nschedules:\n" + ONE + "  b:\n    task_type: t\n    frequency: odd\n", 6,
         '"odd"; give one of once, hourly,'),
        ("owner: a\nschedules:\n" + ONE.replace("}", ', max_runs: "5"}'), 3, "give a whole number"),
        ("owner: a\nschedules:\n  a:\n    task_type: t\n    frequency:\n", 5, "it has no value"),
        ("owner: a\nschedules:\n  a b: {}\n", 2, "not allowed"),
        ("owner: a\nschedules:\n" + ONE.replace("}", ", max_runs: 0}"), 3, "max_runs"),
        ("owner: a\nschedules:\n  a:\n    task_type: t\n    frequency: daily\n    tags:\n"
         "      managed_by: me\n", 6, "tags: a name in it is not allowed"),
        ("owner: a\ncalendars:\n  W:\n    name: V\n", 4, "there is no such field"),
        ("owner: a\ncalendars:\n  W:\n    days:\n      - {day: 1}\n", 5, "day"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_schema(tmp_path: Path, text: str, line: int, said: str) -> None:
    path = at(tmp_path, text)
    with pytest.raises(Failure) as told:
        load([path], schema.stored())
    assert str(told.value).startswith(f"{path}:{line}: ") and said in str(told.value)


def test_files_of_a_folder_belong_together(tmp_path: Path) -> None:
    at(tmp_path, "owner: a\nproject_id: 3\nschedules:\n" + ONE, "a.yaml")
    at(tmp_path, "owner: a\nschedules:\n" + ONE.replace(" a:", " b:"), "b.yml")
    found = load([tmp_path, tmp_path / "a.yaml"], schema.stored())
    assert [(one.key, one.body.get("project_id")) for one in found.schedules] == [
        ("a", 3),
        ("b", None),
    ]
    assert found.schedules[0].place == f"{tmp_path / 'a.yaml'}:4"
    at(tmp_path, "owner: a\nschedules:\n" + ONE, "c.yaml")
    with pytest.raises(Failure, match=r"c\.yaml:3: a is at .*a\.yaml:4 already"):
        load([tmp_path], schema.stored())
    at(tmp_path, "owner: b\n", "c.yaml")
    with pytest.raises(Failure, match="several owners"):
        load([tmp_path], schema.stored())
    (tmp_path / "empty").mkdir()
    with pytest.raises(Failure, match=r"no file with the end \.yaml"):
        load([tmp_path / "empty"], schema.stored())


def test_one_schedule_is_not_taken_over_twice() -> None:
    text = "owner: a\nschedules:\n  a: {id: s1}\n  b: {id: s1}\n"
    with pytest.raises(Failure, match="takes over s1 already"):
        merged([reading.parsed(HERE, text.encode())])


def test_the_schema_is_that_of_the_api() -> None:
    """After a change of the API: .venv/bin/python -m belfry schema --server, or as here."""
    made = schema.from_description(stateless().openapi())
    assert schema.STORED.read_text() == schema.text(made)


def test_the_schema_is_one_that_editors_take() -> None:
    import jsonschema_rs

    jsonschema_rs.meta.validate(schema.stored())
    assert '"type": "null"' not in json.dumps(schema.stored())


def test_the_example_in_the_docs_fits(tmp_path: Path) -> None:
    page = Path("docs/schedules-as-code.md").read_text()
    example = page.partition("```yaml\n")[2].partition("```")[0]
    assert yaml.safe_load(example)
    found = load([at(tmp_path, example)], schema.stored())
    assert found.schedules and found.calendars
