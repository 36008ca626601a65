"""`--as-of`: which texts name an instant, in which zone, and what the others are told."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.cli.as_of import read
from shared.cli.dry_run import in_the_past
from shared.errors import Invalid


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("text", "zone", "instant"),
    [
        ("2026-12-01T06:00:00-05:00", "UTC", at(2026, 12, 1, 11)),
        ("2026-12-01T06:00:00-0500", "Europe/Berlin", at(2026, 12, 1, 11)),
        ("2026-12-01T06:00:00Z", "Europe/Berlin", at(2026, 12, 1, 6)),
        ("2026-12-01t06:00z", "Europe/Berlin", at(2026, 12, 1, 6)),
        ("2026-12-01 06:00", "Europe/Berlin", at(2026, 12, 1, 5)),
        ("2026-07-01T06:00:30", "America/New_York", at(2026, 7, 1, 10, 0, 30)),
        ("2026-12-01", "America/New_York", at(2026, 12, 1, 5)),
        (" 2026-12-01 ", "UTC", at(2026, 12, 1)),
        ("2026-10-25T02:30:00+02:00", "Europe/Berlin", at(2026, 10, 25, 0, 30)),
        ("2026-10-25T02:30:00+01:00", "Europe/Berlin", at(2026, 10, 25, 1, 30)),
    ],
)
def test_an_instant_is_read_in_the_zone_unless_it_has_an_offset(
    text: str, zone: str, instant: datetime
) -> None:
    assert read(text, zone) == instant


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tomorrow", "'tomorrow' is no instant; write 2026-12-01T06:00:00-05:00, or a day"),
        ("", "is no instant"),
        ("2026-12-01Z", "is no instant"),
        ("20261201T060000Z", "is no instant"),
        ("2026-12-01T06", "is no instant"),
        ("2026-12-01T06:00:00.5Z", "is no instant"),
        ("1796119200", "is no instant"),
        ("2026-02-30", "is no instant: day is out of range"),
        ("2026-12-01T24:30", "is no instant: hour must be"),
        ("2026-12-01T06:00+99:00", "is no instant: offset must be"),
        ("1969-12-31T23:59Z", "give a year from 1970 to 9000"),
        ("2026-03-29T02:30", "clocks in Europe/Berlin are put forward over 2026-03-29T02:30:00"),
        (
            "2026-10-25T02:30",
            "shows? 2026-10-25T02:30:00 twice; give 2026-10-25T02:30:00\\+02:00 or "
            "2026-10-25T02:30:00\\+01:00",
        ),
    ],
)
def test_what_is_none_is_told_with_what_would_be(text: str, said: str) -> None:
    with pytest.raises(Invalid, match=said) as caught:
        read(text, "Europe/Berlin")
    assert caught.value.field == "--as-of"


@given(st.datetimes(datetime(1971, 1, 1), datetime(8999, 1, 1)))
def test_an_instant_that_is_written_with_its_offset_is_that_instant(naive: datetime) -> None:
    instant = naive.replace(microsecond=0, tzinfo=UTC)
    assert read(instant.isoformat(), "Asia/Kathmandu") == instant


def test_a_run_that_is_no_dry_run_is_not_ahead_of_time() -> None:
    now = at(2026, 12, 1)
    assert in_the_past(now, now) == now
    with pytest.raises(Invalid, match="2026-12-02T00:00:00Z is still to come; only --dry-run"):
        in_the_past(at(2026, 12, 2), now)
