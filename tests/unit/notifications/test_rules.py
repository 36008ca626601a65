"""The rules of sending that need no service: pauses, ids, what a notification can hold, imports."""

from __future__ import annotations

import logging
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Misconfigured, Refused, Unavailable
from shared.notifications.answers import failure, retry_after
from shared.notifications.hiding import hidden, hide
from shared.notifications.model import (
    KEY,
    MAIL,
    SUBJECT,
    TEXT,
    Draft,
    Entry,
    Later,
    draft,
    is_id,
    notification_id,
)
from shared.notifications.outbox import new_entry
from shared.notifications.rows import due_key, notification_key
from shared.notifications.sending import ATTEMPTS, LONGEST, PAUSES, next_attempt
from shared.settings import Secret
from shared.text import is_clean, units

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))


def made(key: str = "k", subject: str = "s", text: str = "t", recipient: str = "a@b.c") -> Draft:
    return draft(key=key, channel=MAIL, recipient=recipient, subject=subject, text=text)


def tried(attempts: int) -> Entry:
    """A mail after so many attempts."""
    return replace(new_entry(made(), NOW, None), attempts=attempts)


@given(st.text(), st.text())
def test_a_notification_can_be_kept_and_its_subject_is_one_line(subject: str, text: str) -> None:
    it = made(subject=subject, text=text)
    assert is_clean(it.subject) and is_clean(it.text)
    assert len(it.subject.splitlines()) <= 1
    assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in it.subject)


def test_what_is_too_long_is_cut() -> None:
    it = made(key="k" * 1000, subject="🐾" * 1000, text="🐾" * 100_000)
    assert (units(it.key), units(it.subject), units(it.text)) == (KEY, SUBJECT, TEXT)


def test_keys_that_are_cut_stay_different() -> None:
    one, other = made(key="k" * 1000 + "1"), made(key="k" * 1000 + "2")
    assert one.digest != other.digest
    assert made(key="k" * 1000 + "1").digest == one.digest


def test_a_secret_of_a_url_does_not_get_into_a_notification() -> None:
    it = made(subject="at postgresql://u:hush@h/d", text="AccountKey=hush;x")
    assert "hush" not in it.subject + it.text


@given(INSTANTS, INSTANTS)
def test_ids_sort_newest_first(one: datetime, other: datetime) -> None:
    ids = [notification_id(made().digest, at) for at in (one, other)]
    assert all(map(is_id, ids))
    if abs(one - other) >= timedelta(milliseconds=1):
        assert (notification_key(ids[0]) < notification_key(ids[1])) == (one > other)


@given(INSTANTS, INSTANTS)
def test_what_is_due_sorts_by_time(one: datetime, other: datetime) -> None:
    assert (due_key(one) < due_key(other)) == (one < other)


@pytest.mark.parametrize("attempts", range(1, ATTEMPTS))
def test_each_pause_is_longer_than_the_one_before(attempts: int) -> None:
    again = next_attempt(Unavailable("slack", "away"), tried(attempts), NOW)
    assert again == NOW + PAUSES[attempts - 1]
    assert list(PAUSES) == sorted(PAUSES)


@pytest.mark.parametrize("attempts", [ATTEMPTS, ATTEMPTS + 1, 100])
def test_after_the_last_attempt_there_is_none(attempts: int) -> None:
    assert next_attempt(Unavailable("slack", "away"), tried(attempts), NOW) is None


@pytest.mark.parametrize("error", [Refused("slack", "no"), Misconfigured("no")])
def test_after_a_refusal_there_is_none(error: Refused | Misconfigured) -> None:
    assert next_attempt(error, tried(1), NOW) is None


@given(st.timedeltas(timedelta(0), timedelta(days=400)), st.integers(1, ATTEMPTS - 1))
def test_a_pause_that_is_asked_for_is_kept_within_reason(asked: timedelta, attempts: int) -> None:
    again = next_attempt(Later("slack", "slow", asked), tried(attempts), NOW)
    assert again is not None
    assert min(asked, LONGEST) <= again - NOW <= max(LONGEST, PAUSES[attempts - 1])
    assert again - NOW >= PAUSES[attempts - 1]


@pytest.mark.parametrize(
    ("status", "permanent"),
    [
        *[(status, True) for status in (301, 400, 401, 403, 404, 410, 413, 422)],
        *[(status, False) for status in (408, 425, 429, 500, 502, 503, 504, 599)],
    ],
)
def test_which_answers_are_final(status: int, permanent: bool) -> None:
    assert failure("slack", status, "said", {}).permanent is permanent


def test_retry_after_may_be_an_instant_by_the_services_own_clock() -> None:
    headers = {
        "Date": format_datetime(NOW, usegmt=True),
        "Retry-After": format_datetime(NOW + timedelta(minutes=7), usegmt=True),
    }
    assert retry_after(headers) == 420
    assert retry_after(headers | {"Date": "gone"}) is None


@given(st.text(max_size=30))
def test_no_retry_after_breaks_anything(value: str) -> None:
    found = retry_after({"Retry-After": value, "Date": value})
    assert found is None or 0 < found <= 86_400


def test_secrets_are_hidden_the_longest_first() -> None:
    known = [Secret("abcdefgh"), Secret("abcdefghijkl"), Secret("/")]
    assert hidden("x abcdefghijkl/ y abcdefgh", known) == "x ***/ y ***"


def test_a_logger_that_hides_says_all_else_as_it_was(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("belfry.test.hiding")
    hide(logger.name, [Secret("first-hush")])
    hide(logger.name, [Secret("second-hush")])
    assert len(logger.filters) == 1
    with caplog.at_level(logging.DEBUG):
        logger.debug("%s then %s, %d", "first-hush", "second-hush", 7)
        logger.debug("plain %d", 7)
    assert [one.getMessage() for one in caplog.records] == ["*** then ***, 7", "plain 7"]
    assert caplog.records[1].args == (7,)


def test_what_is_imported_at_first_is_light() -> None:
    code = (
        "import sys, shared.data.people, shared.notifications.service,"
        " shared.notifications.administrators, shared.notifications.channels.mail.sender,"
        " shared.notifications.channels, shared.notifications.post,"
        " shared.notifications.channels.mail.events, shared.notifications.channels.sms.sender,"
        " shared.notifications.channels.sms.signature, shared.notifications.consent;"
        "heavy = ('azure', 'requests', 'urllib3', 'sendgrid', 'python_http_client', 'sqlalchemy',"
        " 'psycopg', 'phonenumbers', 'jinja2', 'resvg_py', 'twilio', 'cryptography');"
        " print([n for n in heavy if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
