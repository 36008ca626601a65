"""iCalendar files: what they close, and that no file hangs or grows (RFC 5545)."""

from __future__ import annotations

from datetime import date

import pytest

from shared.calendars.ics import Span, imported
from shared.calendars.model import Imported
from shared.errors import Invalid

SPAN = Span(date(2026, 1, 1), date(2031, 12, 31))


def ics(*events: str) -> str:
    """A file with these events; `|` stands between their lines."""
    made = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Test//EN"]
    for number, event in enumerate(events):
        uid = [] if "UID:" in event else [f"UID:{number}"]
        made += ["BEGIN:VEVENT", *uid, *event.split("|"), "END:VEVENT"]
    return "\r\n".join([*made, "END:VCALENDAR", ""])


def read(*events: str, zone: str = "Europe/Berlin") -> Imported:
    return imported(ics(*events), zone, SPAN)


def days(*events: str) -> list[str]:
    return [one.day.isoformat() for one in read(*events).days]


def spans(*events: str, zone: str = "Europe/Berlin") -> list[tuple[str, str]]:
    found = read(*events, zone=zone).blackouts
    return [(f"{one.begin:%m-%d %H:%M}", f"{one.end:%m-%d %H:%M}") for one in found]


def refused(text: str, zone: str = "Europe/Berlin") -> str:
    with pytest.raises(Invalid) as caught:
        imported(text, zone, SPAN)
    assert caught.value.field == "ics"
    return caught.value.message


def test_days_end_before_their_end() -> None:
    assert days("DTSTART;VALUE=DATE:20261224|DTEND;VALUE=DATE:20261227") == [
        "2026-12-24",
        "2026-12-25",
        "2026-12-26",
    ]
    assert days("DTSTART;VALUE=DATE:20261224") == ["2026-12-24"]
    assert days("DTSTART;VALUE=DATE:20261224|DURATION:P2D") == ["2026-12-24", "2026-12-25"]


def test_times_are_read_by_the_calendars_clocks() -> None:
    assert spans("DTSTART:20260701T180000Z|DURATION:PT2H") == [("07-01 20:00", "07-01 22:00")]
    new_york = "DTSTART;TZID=America/New_York:20260105T090000|DURATION:PT1H"
    assert spans(new_york) == [("01-05 15:00", "01-05 16:00")]
    windows = "DTSTART;TZID=Eastern Standard Time:20260105T090000|DURATION:PT1H"
    assert spans(windows) == spans(new_york)
    floating = "DTSTART:20260105T090000|DTEND:20260105T100000"
    assert spans(floating, zone="") == [("01-05 09:00", "01-05 10:00")]
    assert "no timezone" in refused(ics("DTSTART:20260701T180000Z|DURATION:PT2H"), "")
    assert "Mars" in refused(ics("DTSTART;TZID=Mars/Base:20260701T180000|DURATION:PT2H"))


def test_rules_recur_by_the_clocks_of_their_own_zone() -> None:
    """In March New York's clocks change three weeks before Berlin's."""
    weekly = "DTSTART;TZID=America/New_York:20260302T090000|DURATION:PT1H|RRULE:FREQ=WEEKLY;COUNT=5"
    assert [begin for begin, _ in spans(weekly)] == [
        *("03-02 15:00", "03-09 14:00", "03-16 14:00", "03-23 14:00", "03-30 15:00"),
    ]


def test_exceptions_and_changed_instances_count() -> None:
    rule = "RRULE:FREQ=WEEKLY;COUNT=4"
    assert days(f"DTSTART;VALUE=DATE:20260105|{rule}|EXDATE;VALUE=DATE:20260112,20260119") == [
        "2026-01-05",
        "2026-01-26",
    ]
    assert days("DTSTART;VALUE=DATE:20260105|RDATE;VALUE=DATE:20260107") == [
        "2026-01-05",
        "2026-01-07",
    ]
    moved = "UID:a|RECURRENCE-ID;VALUE=DATE:20260112|DTSTART;VALUE=DATE:20260113"
    assert days(f"UID:a|DTSTART;VALUE=DATE:20260105|{rule}", moved) == [
        *("2026-01-05", "2026-01-13", "2026-01-19", "2026-01-26"),
    ]
    gone = "UID:a|RECURRENCE-ID;VALUE=DATE:20260112|DTSTART;VALUE=DATE:20260112|STATUS:CANCELLED"
    assert "2026-01-12" not in days(f"UID:a|DTSTART;VALUE=DATE:20260105|{rule}", gone)


def test_a_rule_without_an_end_goes_to_the_horizon() -> None:
    found = days("SUMMARY:May Day|DTSTART;VALUE=DATE:19900501|RRULE:FREQ=YEARLY")
    assert found == [f"{year}-05-01" for year in range(2026, 2032)]
    assert (
        len(days("DTSTART;VALUE=DATE:19000101|RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=SA,SU")) == 2 * 157
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not BEGIN:VCALENDAR"),
        ("hello", "not BEGIN:VCALENDAR"),
        ("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "no event"),
        ("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20260105\r\n", ""),
        (ics("SUMMARY:x"), "'x' has no DTSTART"),
        (ics("DTSTART:garbage"), "cannot be read"),
        (ics("DTSTART;VALUE=DATE:20260105|RRULE:FREQ=FOO"), "FOO"),
        (ics("DTSTART;VALUE=DATE:20260105|RRULE:INTERVAL=2"), "FREQ"),
        (ics("DTSTART;VALUE=DATE:20260105|DTEND;VALUE=DATE:20260101"), "ends before"),
        (ics("DTSTART;VALUE=DATE:20260105|DURATION:P900000D"), "ten years"),
        (ics("DTSTART;VALUE=DATE:18000105"), "cannot be read"),
        (ics("DTSTART;VALUE=DATE:20400105"), "no event of it lies"),
        (ics("DTSTART;VALUE=DATE:20260105|RRULE:FREQ=DAILY;INTERVAL=0"), "INTERVAL"),
    ],
    ids=range(13),
)
def test_a_file_that_is_wrong_is_refused(text: str, said: str) -> None:
    assert said in refused(text)
