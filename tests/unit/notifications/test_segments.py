"""Parts of a text message: the numbers by which it is paid."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.notifications.segments import BASIC, EXTENSION, Encoding, Size, plain, size

_GSM, _UCS = Encoding.GSM_7, Encoding.UCS_2


def test_the_alphabet_is_that_of_the_standard() -> None:
    """128 codes, of which one is the escape; ten characters come after an escape."""
    assert len(BASIC) == 127 and len(EXTENSION) == 10
    assert not BASIC & EXTENSION
    assert set("äöüÄÖÜß@$_ \n\r") <= BASIC
    assert not set("çÁ\u2019\u2014\u201c\u2026\u2022`\t\x1b") & (BASIC | EXTENSION)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Size(_GSM, 0, 0)),
        ("a", Size(_GSM, 1, 1)),
        ("a" * 160, Size(_GSM, 160, 1)),
        ("a" * 161, Size(_GSM, 161, 2)),
        ("ü" * 160, Size(_GSM, 160, 1)),
        ("a" * 306, Size(_GSM, 306, 2)),
        ("a" * 307, Size(_GSM, 307, 3)),
        ("a" * 459, Size(_GSM, 459, 3)),
        ("a" * 460, Size(_GSM, 460, 4)),
        ("€" * 80, Size(_GSM, 160, 1)),
        ("€" * 80 + "a", Size(_GSM, 161, 2)),
        ("\u2019", Size(_UCS, 1, 1)),
        ("ж" * 70, Size(_UCS, 70, 1)),
        ("ж" * 71, Size(_UCS, 71, 2)),
        ("ж" * 134, Size(_UCS, 134, 2)),
        ("ж" * 135, Size(_UCS, 135, 3)),
        ("a" * 70 + "\u2019", Size(_UCS, 71, 2)),
        ("🐶", Size(_UCS, 2, 1)),
        ("🐶" * 35, Size(_UCS, 70, 1)),
        ("🐶" * 36, Size(_UCS, 72, 2)),
        ("ç", Size(_UCS, 1, 1)),
    ],
)
def test_known_sizes(text: str, expected: Size) -> None:
    assert size(text) == expected


def test_an_escape_and_its_character_stay_in_one_part() -> None:
    """152 units leave room for one more in the part, but a euro sign needs two."""
    assert size("a" * 152 + "€" + "a" * 152) == Size(_GSM, 306, 3)
    assert size("a" * 151 + "€" + "a" * 153) == Size(_GSM, 306, 2)


def test_the_halves_of_an_emoji_stay_in_one_part() -> None:
    assert size("ж" * 66 + "🐶" + "ж" * 66) == Size(_UCS, 134, 3)
    assert size("ж" * 65 + "🐶" + "ж" * 67) == Size(_UCS, 134, 2)


@given(st.text(alphabet="aü€[ж🐶\u2019", max_size=400))
def test_a_longer_text_has_no_fewer_parts(text: str) -> None:
    found, longer = size(text), size(text + "a")
    assert found.segments <= longer.segments <= found.segments + 1
    single, joined = (160, 153) if found.encoding is _GSM else (70, 67)
    assert found.units <= (single if found.segments == 1 else found.segments * joined)


def test_quotes_and_dashes_are_not_paid_for() -> None:
    assert plain("Max\u2019s visit \u2014 10\N{NO-BREAK SPACE}am\u2026") == "Max's visit - 10 am..."
    assert plain("Жучка\u2019s") == "Жучка\u2019s", "it is of UCS-2 anyway, so it stays as it is"
