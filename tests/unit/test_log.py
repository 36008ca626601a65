"""One line for each event, with times in one form, without secrets, and never too long."""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.log import Event, JobLog, event, short, trace

_logger = logging.getLogger("belfry.test")
AT = datetime(2026, 11, 21, 9, 8, tzinfo=UTC)
ELSEWHERE = AT.astimezone(timezone(timedelta(hours=-5)))


@pytest.mark.parametrize("at", [AT, ELSEWHERE, AT.isoformat()])
def test_an_instant_has_one_form_however_it_is_given(
    at: datetime | str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        event(_logger, Event.NEXT_RUN, next_run_at=at)
    (record,) = caplog.records
    assert record.getMessage() == "next_run next_run_at=2026-11-21T09:08:00Z"
    assert vars(record)["fields"] == {"next_run_at": "2026-11-21T09:08:00Z"}


def test_a_jobs_own_log_has_it_too() -> None:
    log = JobLog(_logger, {}, lambda: "now")
    log("backed up", until=ELSEWHERE)
    assert log.text() == "now INFO backed up until=2026-11-21T09:08:00Z"


@given(st.integers(0, 60), st.integers(1, 40))
def test_a_cut_shows_no_part_of_a_password(before: int, most: int) -> None:
    text = " " + "x" * before + "://u:" + "secret" * 40 + "@h"
    assert "secret"[:2] not in short(text, most)
    assert "secret"[:2] not in short(text.replace("://u:", "AccountKey="), most)


def test_a_traceback_is_bounded_and_shows_no_part_of_a_password() -> None:
    def fail(text: str) -> str:
        try:
            raise ValueError(text)
        except ValueError as error:
            return trace(error)

    assert "ValueError: it failed" in fail("it failed")
    assert "***@h" in fail("postgres://u:secret@h")
    for word in ("e" * 2_000_000, "postgres://u:" + "secret" * 300_000 + "@h"):
        said = fail(f"{word}\nthe end")
        assert len(said) <= 17_000 and "secret" not in said
        assert said.startswith("Traceback")
    assert fail("x " * 100_000 + "the end").endswith("the end")


@pytest.mark.parametrize("before", range(0, 60))
def test_a_long_traceback_begins_again_within_no_secret(before: int) -> None:
    """Its end is cut from it wherever that is."""
    try:
        raise ValueError(
            "x " * 9_000 + "password='correct horse battery' " + "y" * (7_950 + before)
        )
    except ValueError as error:
        said = trace(error)
    assert not {"correct", "horse", "battery"} & set(re.findall("[a-z]+", said))


@pytest.mark.parametrize(
    ("said", "secret"),
    [
        ("https://api.telegram.org/bot123456:AAE-xyz", "AAE"),
        ("AGE-SECRET-KEY-1QQPZRY9", "QQPZRY9"),
        ("https://hooks.slack.com/services/T0/B0/XXXX", "XXXX"),
        ("password:hunter2", "hunter2"),
    ],
)
def test_a_field_of_one_word_is_read_for_secrets_too(
    said: str, secret: str, caplog: pytest.LogCaptureFixture
) -> None:
    log = JobLog(_logger, {}, lambda: "now")
    with caplog.at_level(logging.INFO):
        log(said, field=said)
    (record,) = caplog.records
    assert secret not in f"{log.text()} {record.getMessage()} {vars(record)['fields']}"


def test_what_cannot_be_encoded_is_replaced_in_every_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = JobLog(_logger, {}, lambda: "now")
    with caplog.at_level(logging.INFO):
        log("half \ud800 of a pair", name="\udfff\0", **{"\ud801": 1})
    log.text().encode()
    (record,) = caplog.records
    record.getMessage().encode()
    str(vars(record)["fields"]["message"]).encode()
    assert log.text() == "now INFO half \ufffd of a pair name=\ufffd\ufffd \ufffd=1"


@pytest.mark.parametrize("letter", ["x", "é", "😀"])
@pytest.mark.parametrize("length", [10, 1_000, 50_000])
def test_a_jobs_log_fits_into_a_property(letter: str, length: int) -> None:
    log = JobLog(_logger, {}, lambda: "now")
    for number in range(3_000 // length * 10 + 200):
        log(f"{number} {letter * length}")
    text = log.text()
    assert len(text.encode("utf-16-le")) <= 50_000
    lines = text.splitlines()
    assert lines[0].startswith("now INFO 0 ") and lines[-1].startswith(f"now INFO {number} ")
    (said,) = [line for line in lines if line.startswith("...")]
    assert said == f"... {number + 1 - (len(lines) - 1)} lines left out ..."


@pytest.mark.parametrize("length", [10, 100_000])
def test_an_unexpected_failures_traceback_is_in_the_jobs_log_and_in_the_apps(
    caplog: pytest.LogCaptureFixture, length: int
) -> None:
    log = JobLog(_logger, {"job_id": "n-1"}, lambda: "now")
    try:
        raise OSError("x" * length + " at postgresql://me:Zsecret@h/d")
    except OSError as error:
        log.unexpected(error)
    (record,) = caplog.records
    assert record.levelname == "ERROR" and "unexpected failure in n-1" in record.getMessage()
    for said in (record.getMessage(), log.text()):
        assert "Traceback (most recent call last)" in said and "test_log.py" in said
        assert said.endswith("at postgresql://me:***@h/d")
    assert log.text().startswith("now ERROR unexpected failure\n")
    assert len(log.text()) <= 6_000


def test_a_short_log_is_kept_whole() -> None:
    log = JobLog(_logger, {}, lambda: "now")
    for number in range(300):
        log(f"{number} 😀")
    assert log.text().splitlines() == [f"now INFO {number} 😀" for number in range(300)]
