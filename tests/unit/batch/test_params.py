"""What a person may ask for, and what is refused when the schedule is made."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from shared.batch.model import ItemStatus, Outcome, outcome
from shared.batch.operations import asked_by, batch_id, item_job
from shared.batch.params import BatchParams
from shared.schedules.job import backfill_of, is_of_batch, job_id, parse_id, retry_of

_CALL: dict[str, Any] = {"task_type": "works", "items": ["a"]}


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"task_type": "works"}, "say what the targets are"),
        (_CALL | {"filter": {}}, "say what the targets are"),
        ({"items": ["a"]}, "task_type: say which task"),
        ({"operation": "enable", "items": ["a"], "task_type": "x"}, "is for the operation"),
        ({"operation": "enable", "items": ["a"], "change": {"name": "x"}}, "is for the operation"),
        ({"operation": "change", "items": ["a"]}, "change: give the fields"),
        ({"operation": "run", "resources": "target"}, "run works on schedules"),
        ({"operation": "delete", "items": ["a"]}, "operation"),
        (_CALL | {"concurrency": 33}, "32"),
        (_CALL | {"per_minute": 0}, "1"),
        (_CALL | {"items": []}, "items"),
        (_CALL | {"items": ["a"] * 1001}, "1000"),
        (_CALL | {"items": [{"x": {"deep": 1}}]}, "items"),
        (_CALL | {"items": [{"!": "bad"}]}, "no name"),
        (_CALL | {"task_parameters": {"p": {"item": "x"}}}, "item 0 has no value 'x'"),
        (_CALL | {"task_parameters": {"p": {"item": 3}}}, "a reference is"),
        (
            {"task_type": "w", "filter": {}, "task_parameters": {"p": {"item": "secrets"}}},
            "a schedule has no value 'secrets'",
        ),
        ({"operation": "run", "filter": {"project_id": 2}}, "project_id"),
        ({"operation": "run", "file": "../../other/u0123456789abcdef"}, "file"),
        ({"operation": "run", "items": ["a\0"]}, "null"),
    ],
)
def test_what_cannot_be_is_refused(given: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        BatchParams.model_validate(given)


def test_items_are_objects_with_an_id() -> None:
    params = BatchParams.model_validate({"task_type": "w", "items": ["a", 7, {"id": "c", "n": 1}]})
    assert params.listed == [{"id": "a"}, {"id": "7"}, {"id": "c", "n": 1}]


@pytest.mark.parametrize(
    "job", ["nightly-20261120T030000Z", "s1-20261120T030000Z-k3f9", "s1-20261120T030000Z-b3f9k2"]
)
def test_ids_that_items_have(job: str) -> None:
    assert batch_id(job) == batch_id(f"{job}{'' if job.count('-') == 2 else '-'}r1") == job
    assert batch_id(f"{job}{'' if job.count('-') == 2 else '-'}r12") == job
    ids = [item_job(job, index) for index in (0, 1, 999_999)]
    assert len(set(ids)) == 3
    for one in ids:
        assert parse_id(one) == parse_id(job)
        assert retry_of(one) is None and backfill_of(one) is None


def test_what_an_item_asks_for_is_the_same_each_time() -> None:
    made = [asked_by("nightly-20261120T030000Z", index) for index in range(2_000)]
    assert len(set(made)) == 2_000 and made[7] == asked_by("nightly-20261120T030000Z", 7)
    for one in made[:50]:
        found = job_id("s1", parse_id("s1-20261120T030000Z")[1], one)
        assert len(one) == 12 and parse_id(found)[0] == "s1"
        assert retry_of(found) is None and backfill_of(found) is None
        assert is_of_batch(found) and not is_of_batch(f"{found}r1")


@pytest.mark.parametrize("status", list(ItemStatus))
def test_an_outcome_reads_back(status: ItemStatus) -> None:
    one = Outcome(index=3, label="ä", status=status, error="e", result='{"a":[1]}', milliseconds=9)
    assert Outcome.of_line(one.line()) == one
    bare = Outcome(index=0, label="", status=status)
    assert Outcome.of_line(bare.line()) == bare


def test_an_outcome_is_cut_hides_secrets_and_reads_back() -> None:
    made = outcome(
        7,
        {"id": "x" * 500 + "\ud800"},
        ItemStatus.FAILED,
        error="postgresql://u:hunter2@h/d " + "y" * 900,
        result={"big": "z" * 2000},
    )
    assert "hunter2" not in made.error and len(made.error) <= 500 and len(made.label) <= 200
    odd = outcome(1, {}, ItemStatus.SUCCEEDED, result={"a": "\ud800\n", "b": {1, 2}})
    assert json.loads(odd.result)["a"] == "\ufffd\n" and Outcome.of_line(odd.line()) == odd
    assert "left_out" in made.result and "\n" not in made.line()
    assert Outcome.of_line(made.line()) == made
