"""What a calendar closes, how it is stored, and the holidays that are copied for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.backups.state.file import SCHEDULES, kind_of
from shared.calendars import public, rows
from shared.calendars.model import Definition, Holidays, Imported, NamedCalendar, checked
from shared.errors import Damaged, Invalid
from shared.recurrence import Blackout, CalendarRule, DayOff, Observance
from shared.recurrence.calendar import merged
from shared.storage.tables import observances

AT = datetime(2026, 3, 1, tzinfo=UTC)
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1)
WALLS = st.datetimes(datetime(1900, 1, 1), datetime(9000, 1, 1)).map(
    lambda at: at.replace(microsecond=0)
)
DAYS = st.lists(st.builds(DayOff, st.dates(date(1900, 1, 1), date(9000, 1, 1)), TEXT), max_size=8)
BLACKOUTS = st.lists(
    st.builds(lambda a, b, why: Blackout(min(a, b), max(a, b), why), WALLS, WALLS, TEXT), max_size=5
)
CALENDARS = st.builds(
    NamedCalendar,
    id=st.just("c0123456789ab"),
    definition=st.builds(
        Definition,
        name=TEXT,
        project_id=st.none() | st.integers(0, 2**63 - 1),
        description=TEXT,
        timezone=st.sampled_from(["", "Europe/Berlin"]),
        holidays=st.none() | st.builds(Holidays, country=st.just("DE")),
        days=DAYS.map(tuple),
        blackouts=BLACKOUTS.map(tuple),
        hours=st.sampled_from([(), (((540, 1020),),) * 5 + ((), ())]),
    ),
    dates=DAYS.map(tuple),
    imported=st.builds(Imported, days=DAYS.map(tuple), blackouts=BLACKOUTS.map(tuple)),
    imported_at=st.none() | st.just(AT),
    version=st.integers(1, 9),
    created_at=st.just(AT),
    updated_at=st.just(AT),
)


@given(CALENDARS)
def test_what_is_stored_is_read_again(calendar: NamedCalendar) -> None:
    row = rows.properties(calendar) | {"RowKey": f"calendar:{calendar.id}", "etag": ""}
    assert rows.to_calendar(row) == calendar
    observance = Observance(rule=CalendarRule.NEXT, calendars=(calendar.compact,))
    assert observances.of_text(observances.to_text(observance)) == observance


def test_a_row_that_somebody_changed_is_damaged() -> None:
    for said in ("", "[]", "{}", '{"reasons": 1}'):
        with pytest.raises(Damaged):
            rows.to_calendar({"RowKey": "calendar:c1", "said": said, "etag": ""})


def test_a_state_backup_copies_the_rows_as_they_are() -> None:
    """What it takes for a schedule's rows, it would read and restore with a schedule."""
    made = calendar()
    keys = (
        *(rows.calendar_key("c1"), rows.name_key("c", 7), rows.version_key(made)),
        *(rows.feed_key("f1"), rows.token_key("0")),
    )
    assert {kind_of(SCHEDULES, rows.PARTITION, key) for key in keys} == {"other"}


def calendar(**fields: object) -> NamedCalendar:
    what = Definition(name="c", **fields)  # type: ignore[arg-type]
    return NamedCalendar(id="c1", definition=what, created_at=AT, updated_at=AT)


def test_a_persons_own_reason_comes_first() -> None:
    day = date(2026, 12, 24)
    made = replace(
        calendar(days=(DayOff(day, "own"),)),
        dates=(DayOff(day, "library"),),
        imported=Imported(days=(DayOff(day, "file"),)),
    )
    assert made.compact.days == (DayOff(day, "own"),)


def test_only_what_is_closed_and_the_name_make_a_version() -> None:
    before = calendar(days=(DayOff(date(2026, 12, 24), "own"),))
    what = before.definition
    described = replace(before, definition=replace(what, description="x"))
    assert before.stepped(described, AT).version == 1
    assert before.stepped(before, AT) is before
    renamed = replace(before, definition=replace(what, name="d"))
    assert before.stepped(renamed, AT).version == 2


def test_blackouts_that_overlap_are_one() -> None:
    at = [datetime(2026, 1, day) for day in range(1, 8)]
    found = merged(
        [Blackout(at[2], at[4], "b"), Blackout(at[0], at[3], "a"), Blackout(at[4], at[5], "c")]
    )
    assert found == (Blackout(at[0], at[4], "a"), Blackout(at[4], at[5], "c"))


def test_what_closes_nothing_or_everything_is_refused() -> None:
    with pytest.raises(Invalid, match="closes nothing"):
        checked(calendar())
    with pytest.raises(Invalid, match="no weekday has any"):
        checked(calendar(hours=((),) * 7))


def test_holidays_are_the_librarys_in_every_year_that_is_copied() -> None:
    import holidays

    first, last = public.years(2026)
    assert (first, last) == (2026, 2031)
    for country, region in (("DE", "BY"), ("US", "NY"), ("JP", None), ("BR", "SP")):
        wanted = public.known(Holidays(country=country.lower(), subdivision=region))
        library = holidays.country_holidays(country, subdiv=region, years=range(first, last + 1))
        copied = {one.day: one.reason for one in public.dates(wanted, first, last)}
        assert copied == {day: name for day, name in library.items() if day.year >= first}
        assert {day.year for day in copied} == set(range(2026, 2032))


@pytest.mark.parametrize(
    ("asked", "field", "said"),
    [
        (Holidays(country="Germany"), "country", "DE (Germany)"),
        (Holidays(country="germny"), "country", "DE (Germany)"),
        (Holidays(country="united states"), "country", "US (United States)"),
        (Holidays(country="QQ"), "country", "two letters"),
        (Holidays(country="DE", subdivision="Bayem"), "subdivision", "BY"),
        (Holidays(country="DE", categories=("bank",)), "categories", "public"),
        (Holidays(country="DE", categories=()), "categories", "at least one"),
    ],
)
def test_an_unknown_country_or_region_is_told_what_was_meant(
    asked: Holidays, field: str, said: str
) -> None:
    with pytest.raises(Invalid) as caught:
        public.known(asked)
    assert caught.value.field == f"holidays.{field}" and said in caught.value.message


def test_a_region_may_be_named() -> None:
    assert public.known(Holidays(country=" de ", subdivision="bayern")).subdivision == "BY"
