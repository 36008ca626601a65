"""What is decided without storage: parameters, periods, figures, windows, and what text may say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.errors import Invalid
from shared.exports.data import SPECS
from shared.exports.kinds import Data, Format, Kind, ReportType
from shared.exports.params import ExportParams
from shared.exports.period import Period, span
from shared.exports.safe import clean, line, markdown, number, text
from shared.exports.tally import MOST, OTHERS, Tally, summary_columns
from shared.exports.walking import MANY, windows
from shared.text import formula_safe
from tests.unit.exports.making import DUE, runs

BERLIN = ZoneInfo("Europe/Berlin")


def test_the_known_call_asks_for_runs_summed_up() -> None:
    params = ExportParams.model_validate({"format": "pdf", "report_type": "summary"})
    assert (params.about, params.extent) == (Data.RUNS, ReportType.SUMMARY)
    sarif = ExportParams.model_validate({"format": "sarif"})
    assert (sarif.about, sarif.extent) == (Data.FINDINGS, ReportType.FULL)


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"format": "sarif", "data": "runs"}, "data: sarif holds findings only, not runs"),
        ({"format": "doc"}, "'sarif', 'markdown'"),
        ({"status": ["done"]}, "status: done is none of runs"),
        ({"data": "audit", "status": ["succeeded"]}, "status: succeeded is none of audit"),
        ({"report_type": "full", "columns": ["x"]}, "columns: runs has no x"),
        ({"columns": ["job_id"]}, "columns: a summary has its own"),
        ({"report_type": "full", "columns": ["job_id", "job_id"]}, "name each once"),
        ({"data": "findings", "tags": {"a": "b"}}, "leave them out"),
        ({"data": "audit", "tags": {"a": "b"}}, "the audit has none"),
        ({"until": "2026-01-01T00:00:00Z"}, "since: give it too"),
        ({"since": "2026-01-01T00:00:00"}, "timezone"),
        (
            {"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"},
            "must be before",
        ),
        ({"since": "2020-01-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, "400 days"),
        ({"email_to": ["nobody"]}, "give an address"),
        ({"email_to": [f"{n}@example.com" for n in range(21)]}, "at most 20"),
        ({"link_hours": 169}, "168"),
        ({"keep_days": 0}, "1"),
        ({"csv_delimiter": "=x"}, "csv_delimiter"),
        ({"schedule_ids": ["../x"]}, "schedule_ids"),
        ({"path": "/etc"}, "path"),
    ],
)
def test_what_cannot_be_is_refused_when_the_schedule_is_made(given: Any, wrong: str) -> None:
    with pytest.raises(ValidationError, match=wrong):
        ExportParams.model_validate(given)


MONDAY = datetime(2026, 3, 30, 7, 0, tzinfo=UTC)
"""The day after the clocks of Berlin went forward."""


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        (Period.LAST_DAYS, "2026-03-23T09:00:00+01:00", "2026-03-30T09:00:00+02:00"),
        (Period.PREVIOUS_DAY, "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"),
        (Period.PREVIOUS_WEEK, "2026-03-23T00:00:00+01:00", "2026-03-30T00:00:00+02:00"),
        (Period.PREVIOUS_MONTH, "2026-02-01T00:00:00+01:00", "2026-03-01T00:00:00+01:00"),
    ],
)
def test_days_are_those_of_the_schedules_zone(period: Period, first: str, last: str) -> None:
    found = span(period, 7, None, None, MONDAY, "Europe/Berlin")
    assert (found.since, found.until) == tuple(map(datetime.fromisoformat, (first, last)))


@given(
    st.sampled_from(Period),
    st.integers(1, 400),
    st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(["UTC", "Europe/Berlin", "America/Santiago", "Pacific/Apia", "Asia/Kathmandu"]),
)
def test_a_named_period_ends_by_its_due_time_and_joins_the_one_before(
    period: Period, days: int, due: datetime, zone: str
) -> None:
    found = span(period, days, None, None, due, zone)
    assert found.since < found.until <= due
    if period is Period.PREVIOUS_WEEK:
        before = span(period, days, None, None, found.until - timedelta(seconds=1), zone)
        assert before.until == found.since


def test_given_dates_end_at_the_due_time() -> None:
    since, due = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 9, tzinfo=UTC)
    assert span(Period.LAST_DAYS, 7, since, None, due, "UTC").until == due
    later = due + timedelta(days=2)
    assert span(Period.LAST_DAYS, 7, since, later, due, "UTC").until == due
    with pytest.raises(Invalid, match="is not before"):
        span(Period.LAST_DAYS, 7, due, later, due, "UTC")
    with pytest.raises(Invalid, match="400 days"):
        span(Period.LAST_DAYS, 7, since, None, due + timedelta(days=900), "UTC")


@pytest.mark.parametrize(
    ("given", "safe"),
    [
        *((f"{sign}cmd", f"'{sign}cmd") for sign in "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"),
        *((f"{blank}=1", f"'{blank}=1") for blank in (" ", "  ", "\u00a0", "\u2003", " \t ")),
        ("\ufeff=1", "'\ufeff=1"),
        ("1-2", "1-2"),
        ("a=b", "a=b"),
        ("'=1", "'=1"),
        ("", ""),
        ("  plain", "  plain"),
    ],
)
def test_no_text_is_a_formula(given: str, safe: str) -> None:
    assert formula_safe(given) == safe


@given(st.text())
def test_any_text_can_be_written(given: str) -> None:
    assert not formula_safe(given).lstrip().startswith(tuple("=+-@"))
    clean(given).encode()
    shown = markdown(given)
    assert "\n" not in shown and "<" not in shown and "|" not in shown and "://" not in shown
    assert len(line(given).splitlines()) <= 1


def test_values_are_written_plainly() -> None:
    said = [text(one) for one in (None, True, -5, Decimal("1.500"), 1e-07, Decimal("100"))]
    assert said == ["", "true", "-5", "1.5", "0.0000001", "100"]
    assert text(datetime(2026, 1, 1, 1, tzinfo=BERLIN)) == "2026-01-01T00:00:00Z"
    assert number(Decimal("1E+3")) == "1000"


@pytest.mark.parametrize("data", Data)
def test_what_a_summary_names_is_there(data: Data) -> None:
    spec = SPECS[data]
    names = [one.name for one in spec.columns]
    assert len(set(names)) == len(names)
    for one in (*spec.group, spec.split, *spec.sums, *spec.means, *spec.shown):
        assert one in names
    assert spec.bad <= set(spec.values) and (spec.rated in (*spec.values, ""))
    assert not spec.when or spec.column(spec.when).kind is Kind.INSTANT
    columns = [one.name for one in summary_columns(spec)]
    assert len(set(columns)) == len(columns)


WEEK = (DUE - timedelta(days=7), DUE)


def test_beyond_so_many_groups_the_rest_is_added_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.exports.tally.MOST", 3)
    tally = Tally(SPECS[Data.RUNS], UTC, WEEK)
    for row in runs(70):
        tally.add(row)
    rows = list(tally.rows())
    assert [one[0] for one in rows] == ["s0", "s1", "s2", OTHERS]
    assert sum(one[3] for one in rows) == 70 == tally.count  # type: ignore[misc]
    assert MOST >= 1_000


@pytest.mark.parametrize("count", [1, 144 * 30, 144 * 100, 144 * 500])
def test_a_chart_counts_each_row_once_in_few_bars(count: int) -> None:
    tally = Tally(SPECS[Data.RUNS], BERLIN, WEEK)
    for row in runs(count):
        tally.add(row)
    bars = tally.chart()
    if count == 1:
        labels = ["11-23", "11-24", "11-25", "11-26", "11-27", "11-28", "11-29", "11-30"]
        assert [one.label for one in bars] == labels  # each day of the span, also the empty ones
    assert 1 <= len(bars) <= 64
    assert sum(one.good + one.bad for one in bars) == count
    assert sum(one.bad for one in bars) == count // 10


@given(st.lists(st.integers(0, 40 * 86_400), max_size=60), st.integers(0, 5_000))
def test_windows_join_without_a_gap(seconds: list[int], dense: int) -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    end = begin + timedelta(days=30)
    instants = sorted(begin + timedelta(seconds=n) for n in (*seconds, *range(dense)))
    reads: list[int] = []

    def read(first: datetime, last: datetime) -> list[datetime]:
        reads.append(1)
        return [one for one in instants if first <= one < last]

    assert list(windows(begin, end, read)) == [one for one in instants if one < end]
    assert len(reads) <= 8 + (dense > MANY) * 24


def test_all_formats_are_modules() -> None:
    from shared.exports.formats import about

    assert len({about(one)[0] for one in Format}) == len(Format)
