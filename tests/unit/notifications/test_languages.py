"""Each language says each kind; and how each writes dates, times and money."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import meta

from shared.errors import Misconfigured
from shared.notifications import kinds, languages
from shared.notifications.kinds import MAIL, SMS
from shared.notifications.languages.language import Language
from shared.notifications.rendering import _environment, render
from shared.notifications.segments import Encoding, Size, size

EN, DE = languages.load("en"), languages.load("de")
LANGUAGES = languages.names()
TEXT_MESSAGES = [name for name in kinds.names() if kinds.kind(name).channel == SMS]
OPT_OUT = r"\b(stop|unsubscribe|end|quit|stopall|revoke|optout|cancel|start|unstop)\b"
"""What ends all text messages if it is answered, or lets them begin again.
https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out"""


@pytest.mark.parametrize("tag", LANGUAGES)
def test_each_language_says_each_kind_and_no_other(tag: str) -> None:
    assert sorted(languages.load(tag).kinds) == list(kinds.names())


@pytest.mark.parametrize("tag", LANGUAGES)
@pytest.mark.parametrize("kind", kinds.names())
def test_each_kind_is_said_in_each_language(kind: str, tag: str) -> None:
    """With its sample; a name that is not in the data would be an error."""
    content = render(kind, kinds.kind(kind).sample, tag)
    mail = kinds.kind(kind).channel == MAIL
    assert bool(content.text) and bool(content.subject) is bool(content.html) is mail
    assert len(content.subject.splitlines()) <= 1
    assert content.text == content.text.strip() and "  " not in content.subject


@pytest.mark.parametrize("tag", LANGUAGES)
@pytest.mark.parametrize("kind", kinds.names())
def test_no_part_of_a_template_names_what_the_data_lack(kind: str, tag: str) -> None:
    """Not even a part that is left out of the sample."""
    words = languages.load(tag).kinds[kind]
    environment = _environment(tag)
    for source in (words.subject, words.text):
        asked = meta.find_undeclared_variables(environment.parse(source))
        assert asked <= set(kinds.kind(kind).data.model_fields)


@pytest.mark.parametrize("tag", LANGUAGES)
@pytest.mark.parametrize("kind", kinds.names())
def test_each_language_has_the_same_words(kind: str, tag: str) -> None:
    theirs, english = languages.load(tag).kinds[kind].words, EN.kinds[kind].words
    assert theirs.keys() == english.keys()
    named = {word: re.findall(r"\{.*?\}", text) for word, text in english.items()}
    assert {word: sorted(re.findall(r"\{.*?\}", text)) for word, text in theirs.items()} == {
        word: sorted(found) for word, found in named.items()
    }


@pytest.mark.parametrize("tag", LANGUAGES)
@pytest.mark.parametrize("kind", TEXT_MESSAGES)
def test_a_text_message_of_usual_names_is_one_part(kind: str, tag: str) -> None:
    found = size(render(kind, kinds.kind(kind).sample, tag).text)
    assert (found.encoding, found.segments) == (Encoding.GSM_7, 1)


@pytest.mark.parametrize("tag", LANGUAGES)
@pytest.mark.parametrize("kind", TEXT_MESSAGES)
def test_no_text_message_tells_somebody_a_word_that_ends_them(kind: str, tag: str) -> None:
    text = languages.load(tag).kinds[kind].text
    assert re.findall(OPT_OUT, text.casefold()) == []
    assert re.findall(OPT_OUT, "Reply CANCEL to cancel.".casefold())


@pytest.mark.parametrize(
    ("tag", "found"),
    [
        ("en", "en"),
        ("de", "de"),
        ("de-AT", "de"),
        ("DE_at.UTF-8", "de"),
        ("de-Latn-CH-1996", "de"),
        (" de ", "de"),
        ("en-GB", "en"),
        ("fr", "en"),
        ("deu", "en"),
        ("", "en"),
        ("-", "en"),
        ("../en", "en"),
    ],
)
def test_the_nearest_language_is_taken(tag: str, found: str) -> None:
    assert languages.find(tag).tag == found


def test_a_file_that_is_no_language_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "xx.toml").write_text('name = "X"\n[times]\nweekdays = ["Mon"]\n')
    monkeypatch.setattr(languages, "_HERE", tmp_path)
    with pytest.raises(Misconfigured, match=r"(?s)xx\.toml.*times\.weekdays"):
        languages.load("xx")


BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"


@pytest.mark.parametrize(
    ("at", "timezone", "english", "german"),
    [
        ("2026-12-01T13:30", BERLIN, "Tue, Dec 1 2:30 PM CET", "Di, 1.12. 14:30 Uhr MEZ"),
        ("2026-07-01T13:30", BERLIN, "Wed, Jul 1 3:30 PM CEST", "Mi, 1.7. 15:30 Uhr MESZ"),
        # the hour that comes twice, and the day that is another one there
        ("2026-10-25T00:30", BERLIN, "Sun, Oct 25 2:30 AM CEST", "So, 25.10. 02:30 Uhr MESZ"),
        ("2026-10-25T01:30", BERLIN, "Sun, Oct 25 2:30 AM CET", "So, 25.10. 02:30 Uhr MEZ"),
        ("2026-12-02T04:59", NEW_YORK, "Tue, Dec 1 11:59 PM EST", "Di, 1.12. 23:59 Uhr EST"),
        ("2026-12-02T05:00", NEW_YORK, "Wed, Dec 2 12:00 AM EST", "Mi, 2.12. 00:00 Uhr EST"),
        ("2026-12-02T17:00", NEW_YORK, "Wed, Dec 2 12:00 PM EST", "Mi, 2.12. 12:00 Uhr EST"),
        ("2026-12-02T17:00", "UTC", "Wed, Dec 2 5:00 PM UTC", "Mi, 2.12. 17:00 Uhr UTC"),
        (
            "2026-12-02T17:00",
            "Asia/Dubai",
            "Wed, Dec 2 9:00 PM Dubai time",
            "Mi, 2.12. 21:00 Uhr Ortszeit Dubai",
        ),
        (
            "2026-12-02T20:00",
            "America/Sao_Paulo",
            "Wed, Dec 2 5:00 PM Sao Paulo time",
            "Mi, 2.12. 17:00 Uhr Ortszeit Sao Paulo",
        ),
        (
            "2026-12-02T20:00",
            "Etc/GMT+3",
            "Wed, Dec 2 5:00 PM UTC-03:00",
            "Mi, 2.12. 17:00 Uhr UTC-03:00",
        ),
    ],
)
def test_a_time_is_told_as_it_is_at_the_place(
    at: str, timezone: str, english: str, german: str
) -> None:
    instant = datetime.fromisoformat(at).replace(tzinfo=UTC)
    for language, expected in ((EN, english), (DE, german)):
        day, time = language.local_date(instant, timezone), language.local_time(instant, timezone)
        assert f"{day} {time}" == expected


def test_dates_in_full_and_on_a_chart() -> None:
    day = date(2026, 3, 1)
    assert (EN.full_date(day), EN.day(day)) == ("Sunday, March 1, 2026", "Mar 1")
    assert (DE.full_date(day), DE.day(day)) == ("Sonntag, 1. März 2026", "1.3.")


@pytest.mark.parametrize(
    ("minor", "currency", "english", "german"),
    [
        (123_450, "EUR", "€1,234.50", "1.234,50 €"),
        (5, "USD", "$0.05", "0,05 $"),
        (-99_999_999, "GBP", "-£999,999.99", "-999.999,99 £"),
        (0, "EUR", "€0.00", "0,00 €"),
        (1234, "JPY", "¥1,234", "1.234 ¥"),
        (1234, "KWD", "KWD 1.234", "1,234 KWD"),
        (123_450, "CHF", "CHF 1,234.50", "1.234,50 CHF"),
    ],
)
def test_money_is_written_as_the_language_does(
    minor: int, currency: str, english: str, german: str
) -> None:
    assert (EN.money(minor, currency), DE.money(minor, currency)) == (english, german)


@given(st.integers(-(10**15), 10**15), st.sampled_from(["EUR", "JPY", "KWD", "CHF"]))
def test_no_amount_is_changed_by_writing_it(minor: int, currency: str) -> None:
    for language in (EN, DE):
        digits = re.sub(r"\D", "", language.money(minor, currency))
        assert int(digits) == abs(minor)
        assert language.money(minor, currency).startswith("-") is (minor < 0)


@pytest.mark.parametrize(
    ("minor", "written"), [(149, "€1"), (150, "€2"), (-150, "-€2"), (-49, "€0"), (0, "€0")]
)
def test_an_axis_has_whole_amounts(minor: int, written: str) -> None:
    assert EN.round_money(minor, "EUR") == written


@pytest.mark.parametrize(
    ("now", "before", "written"),
    [
        (120, 100, "+20.0%"),
        (100, 120, "-16.7%"),
        (100, 100, "0.0%"),
        (0, 100, "-100.0%"),
        (100_001, 100_000, "0.0%"),
        (100, 0, ""),
        (100, None, ""),
        (100, -5, ""),
        (10_000_000, 1, ""),
    ],
)
def test_a_change_is_told_where_there_is_something_to_compare(
    now: int, before: int | None, written: str
) -> None:
    assert EN.change(now, before) == written
    assert DE.change(now, before) == written.replace(".", ",").replace("%", " %")


@pytest.mark.parametrize("tag", LANGUAGES)
@pytest.mark.parametrize("left", [0, 1, 7, 30])
def test_a_vaccination_expires_today_in_a_day_or_in_days(left: int, tag: str) -> None:
    expected: Mapping[str, Mapping[int, str]] = {
        "en": {0: "expires today.", 1: "in 1 day.", 7: "in 7 days.", 30: "in 30 days."},
        "de": {0: "läuft heute ab.", 1: "in 1 Tag.", 7: "in 7 Tagen.", 30: "in 30 Tagen."},
    }
    sample = kinds.kind("vaccination_expiring").sample
    text = render("vaccination_expiring", {**sample, "days_left": left}, tag).text
    assert expected.get(tag, {left: ""})[left] in text


def test_the_reminders_say_where_when_and_for_whom() -> None:
    sample = kinds.kind("appointment_reminder_24h").sample
    assert render("appointment_reminder_24h", sample, "en").text == (
        "Tierarztpraxis Müller: a reminder of the appointment for Bella on Tue, Dec 1 at "
        "2:30 PM CET."
    )
    german = render("appointment_reminder_24h", sample, "de-AT").text
    assert german.startswith("Tierarztpraxis Müller: Wir erinnern an den Termin für Bella am")
    assert size(german) == Size(Encoding.GSM_7, len(german), 1)


def test_a_language_is_frozen() -> None:
    assert isinstance(languages.find("de"), Language) and languages.find("de") is DE
