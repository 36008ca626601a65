"""Definitions in JSON and YAML: one version for one meaning, and refusals that name the field."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import functions
from shared.errors import Damaged, Invalid
from shared.tasks import Impact, Registry
from shared.workflows import schema, texts
from shared.workflows.expressions import resolve
from shared.workflows.model import Call, Input, OnError, Retries
from shared.workflows.reading import read, read_body, read_definition
from shared.workflows.validation import graph, referring

YAML = b"""
name: Onboarding
description: "From the contract to the first week"
inputs:
  email: {required: true, description: Where mails go}
  seats: {type: integer, default: 5}
deadline_seconds: 604800
steps:
  - id: welcome
    task: mail_send
    with: {to: "${{ trigger.email }}", answer: no, at: 12:30, ratio: 0.5, none: null}
    retry: {attempts: 5, first_delay_seconds: 10}
    timeout_seconds: 60
    compensate: {task: mail_send, with: {to: "${{ trigger.email }}", text: Sorry}}
  - {id: pause, needs: [welcome], wait: {seconds: 60}}
  - {id: later, needs: [pause], wait: {until: "${{ run.started_at + duration('24h') }}"}}
  - {id: signed, needs: [later], wait: {event: contract_signed}}
  - id: ask
    needs: [signed]
    when: ${{ trigger.seats > 3 }}
    approval: {title: "${{ trigger.seats }} seats?", facts: {mail: "${{ trigger.email }}"}}
  - id: each
    needs: [ask]
    workflow: other-one
    with: {seat: "${{ item }}"}
    foreach: "[1, 2, 3]"
    max_parallel: 2
    on_error: continue
    impact: C
"""


def with_steps(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "x", "steps": list(steps), **more}


def test_yaml_becomes_a_definition() -> None:
    found = read_body(YAML, "application/yaml").definition
    assert found.inputs == {
        "email": Input(required=True, description="Where mails go"),
        "seats": Input(type="integer", default=5),
    }
    welcome, pause, later, signed, ask, each = found.steps
    mail = {"to": "${{ trigger.email }}", "answer": "no", "at": "12:30", "ratio": 0.5, "none": None}
    assert welcome.call == Call("mail_send", mail)
    assert welcome.retry == Retries(attempts=5, first_delay_seconds=10)
    assert welcome.compensate is not None
    assert welcome.compensate.parameters["text"] == "Sorry"
    assert pause.call == Call("workflow_wait", {"seconds": 60})
    assert later.call == Call("workflow_wait", {"until": "${{ run.started_at + duration('24h') }}"})
    event = {"name": "contract_signed", "timeout_seconds": 604800}
    assert signed.call == Call("workflow_event", event)
    assert (ask.call.task, ask.when) == ("approval", "trigger.seats > 3")
    assert ask.call.parameters["facts"] == {"mail": "${{ trigger.email }}"}
    given = {"workflow_id": "other-one", "input": {"seat": "${{ item }}"}}
    assert each.call == Call("workflow", given)
    assert (each.foreach, each.max_parallel) == ("[1, 2, 3]", 2)
    assert (each.on_error, each.impact) == (OnError.CONTINUE, Impact.C)
    assert [one.number for one in found.steps] == [0, 1, 2, 3, 4, 5]


def test_the_same_in_json_is_the_same_version_and_is_read_back_as_it_was() -> None:
    found = read_body(YAML, "application/yaml")
    again = json.loads(found.text)
    again["steps"][0] |= {"on_error": "fail", "needs": []}  # the defaults
    shuffled = dict(reversed(again.items()))
    same = read_body(json.dumps(shuffled, indent=3).encode(), "application/json")
    assert same == found
    assert read_definition(found.text) == found.definition
    other = read({**again, "description": "other"})
    assert other.definition.digest != found.definition.digest


def test_what_was_stored_and_cannot_be_read_is_damaged() -> None:
    for text in ("", "{", '{"name": "x", "steps": []}'):
        with pytest.raises(Damaged, match="the stored definition cannot be read"):
            read_definition(text)


ONE = {"id": "a", "task": "t"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("text", "definition: give an object with name and steps"),
        (with_steps(), "steps: give at least 1 of them"),
        (with_steps(*[ONE] * 201), "steps: give at most 200 of them"),
        (with_steps(ONE, {"id": "b"}), r"steps\[1\]: give one of task, wait.*; there is none"),
        (with_steps({**ONE, "workflow": "w"}), r"steps\[0\]: .*there are task and workflow"),
        (with_steps({**ONE, "if": "x"}), r"steps\[0\]\.if: no such field; write it as when"),
        (with_steps({**ONE, "parameters": {}}), r"\.parameters: no such field; write them as with"),
        (with_steps(ONE, trigger={}), "trigger: no such field; there are: name"),
        (with_steps({"id": "A b", "task": "t"}), r"steps\[0\]\.id: it does not match the pattern"),
        (with_steps({"id": "in", "task": "t"}), r"steps\[0\]\.id: in is a word of expressions"),
        (with_steps({**ONE, "needs": ["b", "b"]}), r"steps\[0\]\.needs: a step is named twice"),
        (with_steps({**ONE, "max_parallel": 3}), r"max_parallel: it is for foreach"),
        (with_steps({**ONE, "impact": "D"}), r"steps\[0\]\.impact: give"),
        (with_steps({**ONE, "timeout_seconds": "9"}), "timeout_seconds: give a whole number"),
        (with_steps({**ONE, "compensate": {"x": 1}}), r"compensate\.task: it is missing"),
        (with_steps({"id": "a", "wait": {}}), r"steps\[0\]\.wait: give one of seconds, until"),
        (with_steps({"id": "a", "wait": {"seconds": "x"}}), "give a whole number of seconds, or"),
        (with_steps({"id": "a", "wait": {"seconds": True}}), r"wait\.seconds: give 0 to"),
        (with_steps({"id": "a", "wait": {"until": "tomorrow"}}), "give a time with its offset"),
        (with_steps({"id": "a", "approval": {"title": "?"}, "with": {}}), "approval takes none"),
        (with_steps(ONE, inputs={"a": {"type": "text"}}), r"inputs\.a\.type: give"),
        (with_steps(ONE, inputs={"a": {"type": "integer", "default": True}}), "of type integer"),
        (with_steps(ONE, inputs={"a": {"required": True, "default": "x"}}), "leave one of the two"),
        (with_steps({**ONE, "with": {"a": "\ud800"}}), "half of a surrogate pair"),
        (with_steps({**ONE, "with": {"a": "b" * 300_000}}), "more than 262,144 bytes"),
    ],
)
def test_a_wrong_definition_is_refused_by_its_field(given: object, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        read(given)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"a: &x 1\nb: *x", "line 1: anchors and aliases are refused"),
        (b"b: *x", "line 1: anchors and aliases are refused"),
        (b"\na: 1\na: 2", "line 3: the key 'a' is there twice"),
        (b"a: !!python/object:os.system x", "line 1: the tag .* is refused"),
        (b"a: 1\n---\nb: 2", "not YAML: line 2"),
        (b"a: [", "not YAML: line 1"),
        (b"a: \xff", "line 1: it is not UTF-8"),
        (b"[" * 1000, "more than 30 lists and objects"),
        (b"? [a]\n: 1", "line 1: a key must be text"),
        (b"a: " + b"9" * 40, "line 1: the number is too large"),
        (b"\x07", "a character that YAML has not"),
        (b"a: " + b"b" * 300_000, "more than 262,144 bytes"),
    ],
)
def test_yaml_has_no_surprises(data: bytes, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        read_body(data, "application/yaml")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"a": 1, "a": 2}', "the name 'a' is there twice"),
        (b"[NaN]", "NaN is no number"),
        (b"[" * 100_000, "more than 30 lists"),
        (b"{", "not JSON: .* at line 1"),
        (b"9" * 5000, "not JSON"),
    ],
)
def test_json_has_none_either(data: bytes, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        read_body(data, "application/json")


def test_other_media_types_are_refused() -> None:
    with pytest.raises(Invalid, match="send it as application/json or application/yaml"):
        read_body(b"{}", "text/csv")


_PLAIN = (
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text("ab\n:#- on\"'", max_size=9)
)


@given(
    st.recursive(
        _PLAIN,
        lambda one: (
            st.lists(one, max_size=3) | st.dictionaries(st.text("ab", min_size=1), one, max_size=3)
        ),
    )
)
def test_json_is_yaml(value: object) -> None:
    data = json.dumps(value).encode()
    assert texts.from_yaml(data) == texts.from_json(data) == value


def test_the_published_schema_is_current_and_fits() -> None:
    """`.venv/bin/python -m shared.workflows.schema > docs/workflow.schema.json` writes it."""
    assert schema.STORED.read_text(encoding="utf-8") == schema.text()
    check = jsonschema_rs.validator_for(schema.schema())
    assert check.is_valid(json.loads(read_body(YAML, "application/yaml").text))
    assert not check.is_valid(with_steps({**ONE, "if": "x"}))
    assert not check.is_valid(with_steps({**ONE, "needs": "a"}))


def test_the_example_of_the_page_is_right() -> None:
    page = (schema.STORED.parent / "workflows.md").read_text(encoding="utf-8")
    example = page.partition("```yaml\n")[2].partition("```")[0]
    found = read_body(example.encode(), "application/yaml").definition
    problems = [*graph.problems(found), *referring.problems(found, graph.above(found))]
    assert not problems
    tasks = Registry(functions.tasks())
    calls = [one.call for one in found.steps if one.call.task != "approval"]
    assert all(tasks.get(one.task).parse(_computed(one.parameters)) for one in calls)


def _computed(parameters: Mapping[str, object]) -> dict[str, object]:
    values = {
        "trigger": {"email": "ada@example.com", "seats": 5},
        "run": {"started_at": "2030-01-31T09:00:00Z"},
        "item": "ada@example.com",
        "index": 0,
    }
    made: dict[str, object] = resolve(parameters, values)
    return made
