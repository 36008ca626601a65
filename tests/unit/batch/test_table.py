"""A CSV file as items: a bad row is an item that says so, and the others keep their numbers."""

from __future__ import annotations

import codecs
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.batch import table
from shared.batch.model import BAD, Item
from shared.errors import Invalid


def read(data: bytes, size: int = 7) -> list[Item]:
    pieces = (data[at : at + size] for at in range(0, len(data), size))
    return list(table.items(pieces))


@pytest.mark.parametrize(
    ("data", "items"),
    [
        (b"id,name\n1,a\n2,b\n", [{"id": "1", "name": "a"}, {"id": "2", "name": "b"}]),
        (b"id;name\r\n1;a,b\r\n", [{"id": "1", "name": "a,b"}]),
        (b"id\tname\r1\ta\r", [{"id": "1", "name": "a"}]),
        (codecs.BOM_UTF8 + "id\nä\n".encode(), [{"id": "ä"}]),
        ("id,n\n1,ä😀\n".encode("utf-16"), [{"id": "1", "n": "ä😀"}]),
        (codecs.BOM_UTF16_BE + "id\n7".encode("utf-16-be"), [{"id": "7"}]),
        (b'id,n\n1,"a\nb ""c"""\n', [{"id": "1", "n": 'a\nb "c"'}]),
        (b"\n\n id , n \n\n1,2\n\n", [{"id": "1", "n": "2"}]),
        (b"id\n=cmd|' /C calc'!A0\n", [{"id": "=cmd|' /C calc'!A0"}]),
        (b"id\n", []),
    ],
)
def test_files_as_people_send_them(data: bytes, items: list[Item]) -> None:
    assert read(data) == items == read(data, 1)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (b"1", "has 1 values"),
        (b"1,2,3", "has 3 values"),
        (b'1,"a"b', "cannot be read"),
        (b"1,\xff\xfe", "not UTF-8"),
        (b"1,a\0b", "null"),
        (b"1," + b"x" * 30_000, "more than 20,000"),
        (b"1," + b"x" * 300_000, "line of more than"),
    ],
)
def test_a_bad_row_is_an_item_and_the_next_one_is_read(row: bytes, why: str) -> None:
    first, bad, last = read(b"id,n\n0,a\n" + row + b"\n9,z\n", 5000)
    assert why in str(bad[BAD]) and "row 2" in str(bad[BAD])
    assert (first, last) == ({"id": "0", "n": "a"}, {"id": "9", "n": "z"})


def test_a_quote_that_is_never_closed_does_not_take_the_whole_file() -> None:
    data = b'id,n\n1,"a\n' + b"22,b\n" * 60_000 + b"9,z\n"
    found = read(data, 65_536)
    assert BAD in found[0] and found[-1] == {"id": "9", "n": "z"}
    assert len(found) > 10_000


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"id,id\n1,2\n", "different names"),
        (b"id,\n1,2\n", "is none"),
        (b"!\n1\n", "is none"),
        (b"id,\xff\n1,2\n", "is none"),
        (b"id,a\0b\n1,2\n", "is none"),
        (b"PK\x03\x04\0\0\0", "is none"),
        (",".join(f"c{n}" for n in range(200)).encode() + b"\n", "different names"),
    ],
)
def test_a_first_row_that_has_no_names_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        read(data)


def test_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "MOST_ITEMS", 3)
    with pytest.raises(Invalid, match="more than 3 rows"):
        read(b"id\n1\n2\n3\n4\n")


def test_memory_is_flat() -> None:
    """Of a line without an end, and of many rows."""

    def used(data: bytes) -> int:
        tracemalloc.start()
        for _ in table.items(data for _ in range(400)):
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert used(b"x" * 50_000) < 3_000_000
    assert used(b"a,b\n1,2\n" * 50) < 3_000_000


@given(data=st.binary(max_size=200))
def test_no_bytes_raise_anything_but_invalid(data: bytes) -> None:
    try:
        for one in read(data):
            assert one
    except Invalid as error:
        assert error.field == "file"
