"""Whatever somebody writes where metadata, a manifest or a report was: it can be told in every
shape that the API has, or it is refused as unreadable."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from hypothesis import given
from hypothesis import strategies as st

from shared.api.backups.shapes import BackupDetail, BackupOut
from shared.api.backups.sources import SourceOut
from shared.api.plans.shapes import PlanOut
from shared.backups.jobs.prune import verdicts
from shared.backups.model import Manifest, Outcome, Report, Summary
from shared.backups.params import Retention
from shared.backups.rules.turns import overdue, todays, turns
from shared.backups.store.entries import Backup, Copy
from shared.backups.store.metadata import about_backup, about_report
from shared.backups.store.parsing import UNREADABLE, manifest_of, report_in, report_of, summary_in
from shared.log import instant
from tests.unit.backups.test_model import manifest, report
from tests.unit.backups.test_plans import found, plan, stands
from tests.unit.backups.test_standing import NOW

MANIFEST = manifest(source="postgres", database="shop", schedule_id="a").to_json()
SUMMARY = manifest(source="postgres", database="shop", schedule_id="a").summary.to_json()
REPORT = report().to_json()
PLANS = [plan("a"), plan("b", databases="all")]

INSTANTS = [
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
    "2026-11-20T03:00:00+05:30",
    "2026-11-20T03:00:00",
    "1900-01-01T00:00:00+14:00",
    "9000-12-31T23:59:59-12:00",
]
NUMBERS = [float("nan"), float("inf"), -float("inf"), 10**400, 2**63, -1, -0.5, 1e18, True]
NO_TEXTS: list[object] = [5, ["x"], "\ud800"]
NO_LISTS: list[object] = ["ab", ["\ud800"], {}]
TEXTS = ["", "\ud800", "a\udfffb", "a\0b", "\u202e", "gzip", "restored", "damaged", "/"]


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)


texts = st.sampled_from(TEXTS) | st.text(st.characters(exclude_categories=()), max_size=8)
numbers = st.sampled_from(NUMBERS) | st.integers() | st.floats()
values = st.recursive(
    st.none() | st.booleans() | numbers | texts | st.sampled_from(INSTANTS), nested, max_leaves=6
)


def changed(known: Mapping[str, object]) -> st.SearchStrategy[dict[str, Any]]:
    """A few fields of what was right, or anything at all."""
    names = st.sampled_from(sorted(known))
    one = st.dictionaries(names, values, min_size=1, max_size=3).map(lambda new: {**known, **new})
    return one | st.dictionaries(names | texts, values)


def told(summary: Summary, said: Report | None, whole: Manifest | None) -> None:
    """Every shape that the API, the watch and the upkeep have, made as the API answers."""
    copy = Copy.made("primary", "blob", summary)
    copy.reports += [] if said is None else [said]
    one, now = Backup(summary, [copy]), datetime(2026, 11, 20, 9, tzinfo=UTC)
    rows = stands(list(PLANS), found(one))
    shapes: list[Any] = [BackupOut.of(one, now), [SourceOut.model_validate(row) for row in rows]]
    shapes += [PlanOut.of(PLANS[0], stand, now) for row in rows for stand in row.plans]
    manifest_json = None if whole is None else whole.to_json()
    shapes.append(BackupDetail.whole(one, now, manifest_json, None))
    shapes.append([each.reasons for each in verdicts([one], Retention(days=3, weekly=2), NOW)])
    due = turns([one])
    shapes.append(
        [
            turn.name
            for turn in (*todays(due, timedelta(30), NOW), *overdue(due, timedelta(30), NOW))
        ]
    )
    shapes += [instant(copy.next_report(now)), summary.to_json()]
    for shape in shapes:
        JSONResponse(jsonable_encoder(shape))
    assert about_backup(summary, None)
    assert said is None or about_report(said, None)


def held(parse: Callable[[], Any]) -> Any:
    """What it says; None if it is refused."""
    try:
        return parse()
    except UNREADABLE:
        return None


@given(changed(SUMMARY))
def test_metadata_of_any_kind_is_told_or_refused(wrong: dict[str, Any]) -> None:
    summary = held(lambda: summary_in(json.dumps(wrong), None))
    if summary is not None:
        told(summary, replace(report(), backup_id=summary.id), None)


@given(changed(REPORT))
def test_a_report_of_any_kind_is_told_or_refused(wrong: dict[str, Any]) -> None:
    for parse in (
        lambda: report_in(json.dumps(wrong), None),
        lambda: report_of(json.dumps(wrong).encode(), None),
    ):
        said = held(parse)
        if said is not None:
            told(manifest(source="postgres", database="shop").summary, said, None)


@given(changed(MANIFEST))
def test_a_manifest_of_any_kind_is_told_or_refused(wrong: dict[str, Any]) -> None:
    whole = held(lambda: manifest_of(json.dumps(wrong).encode(), None))
    if whole is not None:
        told(whole.summary, None, whole)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[(name, at) for name in ("started_at", "finished_at") for at in INSTANTS[:4]],
        *[("duration_seconds", number) for number in NUMBERS],
        *[("bytes", number) for number in NUMBERS],
        *[(name, text) for name in ("database", "source", "job_id") for text in TEXTS[1:4]],
        ("tables", {"a\ud800": 1}),
        ("tables", {"a": -1}),
        ("tables", {"a": 10**400}),
        ("schema", {"table a": 5}),
        ("schemas", "ab"),
        ("blob", 5),
        ("other", ["\0"]),
    ],
)
def test_a_manifest_with_one_wrong_value_is_refused(field: str, value: object) -> None:
    assert manifest_of(json.dumps(MANIFEST).encode(), None)
    with pytest.raises(ValueError):
        manifest_of(json.dumps(MANIFEST | {field: value}).encode(), None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("at", at) for at in INSTANTS[:4]],
        *[(name, n) for name in ("restore_seconds", "read_seconds") for n in NUMBERS],
        *product(["how", "job_id", "error"], NO_TEXTS),
        *product(["suspicions", "without"], NO_LISTS),
    ],
)
def test_a_report_with_one_wrong_value_is_refused(field: str, value: object) -> None:
    assert report_in(json.dumps(REPORT), None) == report()
    with pytest.raises(ValueError):
        report_in(json.dumps(REPORT | {field: value}), None)


def test_instants_of_any_offset_are_read_as_utc() -> None:
    summary = summary_in(json.dumps(SUMMARY | {"started_at": INSTANTS[4]}), None)
    assert instant(summary.started_at) == "2026-11-19T21:30:00Z"
    assert summary.started_at.tzinfo is UTC


@given(st.text(st.characters(exclude_categories=())))
def test_what_is_written_of_any_error_can_be_read(said: str) -> None:
    wrong = report(error=said, suspicions=(said,), outcome=Outcome.DAMAGED)
    read = report_of(json.dumps(wrong.cleaned.to_json()).encode(), None)
    assert read.error is not None and len(read.suspicions) == 1
