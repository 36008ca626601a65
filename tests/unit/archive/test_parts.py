"""Places of files, what is known of a file, and frames with their index."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.archive.frames import Packed, index_of, lines_of, touched
from shared.archive.lines import key_of, line_of, row_of
from shared.archive.parts import Part, Place, part_of
from shared.errors import Damaged

PLACES = st.builds(
    Place,
    st.dates(date(1970, 1, 1)),
    st.integers(0, 255).map(lambda number: f"s{number:03}"),
    st.integers(1, 9999),
)
KEYS = st.lists(st.text("ab:z", min_size=1, max_size=4), unique=True, min_size=1).map(sorted)


@given(PLACES)
def test_a_place_is_found_again_by_its_blob_and_by_its_row(place: Place) -> None:
    assert Place.of_blob(place.blob) == place == Place.of_key(place.key)
    assert Place.of_blob(place.manifest) is None


@given(st.lists(PLACES, unique=True))
def test_rows_of_the_catalog_are_in_the_order_of_places(places: list[Place]) -> None:
    assert sorted(places) == sorted(places, key=lambda place: place.key)


@pytest.mark.parametrize(
    "name",
    [
        "jobs/2026/02/30/s000.jsonl.zst",
        "jobs/2026/02/03/s000.1.jsonl.zst",
        "jobs/2026/02/03/s000.02.jsonl.zst",
        "jobs/2026/2/3/s000.jsonl.zst",
        "jobs/2026/02/03/x000.jsonl.zst",
        "other/jobs/2026/02/03/s000.jsonl.zst",
    ],
)
def test_other_blobs_are_no_files_of_the_archive(name: str) -> None:
    assert Place.of_blob(name) is None


def test_what_is_known_of_a_file_can_be_read_again_and_another_version_is_refused() -> None:
    at = datetime(2026, 8, 1, 3, tzinfo=UTC)
    part = Part(
        place=Place(date(2026, 8, 1), "s003"),
        container="belfry-history",
        count=2,
        failed=1,
        first_due_at=at,
        last_due_at=at,
        reaches=at,
        size=100,
        sha256="ab",
        index_at=60,
    )
    assert part_of(part.place, part.facts, "belfry-history") == part
    assert json.loads(part.text())["count"] == 2
    with pytest.raises(ValueError, match="form 2"):
        part_of(part.place, part.facts | {"version": "2"}, "belfry-history")
    with pytest.raises(KeyError):
        part_of(part.place, {}, "belfry-history")


def test_equal_rows_make_equal_lines_and_a_line_makes_the_row() -> None:
    row = {
        "odata.etag": "1",
        "PartitionKey": "s000",
        "RowKey": "job:a:1:a-1",
        "log": "zürich\r\n\u2028",
        "attempt": 2,
        "big@odata.type": "Edm.Int64",
        "big": "5",
        "Timestamp": "now",
    }
    other = dict(reversed(row.items())) | {"odata.etag": "2", "Timestamp": "then"}
    assert line_of(row) == line_of(other)
    assert line_of(row).count(b"\n") == 1 and key_of(line_of(row)) == "job:a:1:a-1"
    assert row_of(line_of(row)) == {
        "PartitionKey": "s000",
        "RowKey": "job:a:1:a-1",
        "log": "zürich\r\n\u2028",
        "attempt": 2,
        "big": 5,
    }


@given(KEYS, st.integers(0, 400_000), st.data())
def test_any_range_of_keys_is_read_from_the_frames_that_may_have_it(
    keys: list[str], length: int, data: st.DataObject
) -> None:
    rows = [{"PartitionKey": "s", "RowKey": key, "log": "x" * length} for key in keys[:6]]
    packed = Packed(iter([line_of(row) for row in rows]), lambda _: None)
    content = b"".join(packed)
    frames = index_of(content[packed.index_at :])
    assert frames == packed.frames
    lower, upper = sorted(data.draw(st.tuples(st.sampled_from(keys), st.sampled_from(keys))))
    found = [
        key
        for frame in touched(frames, [(lower, upper)])
        for line in lines_of(content[frame.offset : frame.offset + frame.size])
        if lower <= (key := key_of(line)) < upper
    ]
    assert found == [key for key in keys[:6] if lower <= key < upper]


@pytest.mark.parametrize("data", [b"", b"12345678", b"\x5e\x2a\x4d\x18\x04\x00\x00\x00abcd"])
def test_bytes_that_are_no_index_are_damage(data: bytes) -> None:
    with pytest.raises(Damaged, match="index"):
        index_of(data)


def test_a_frame_with_a_flipped_bit_is_damage() -> None:
    packed = Packed(iter([line_of({"PartitionKey": "s", "RowKey": "k"})]), lambda _: None)
    frame = bytearray(next(iter(packed)))
    frame[-6] ^= 1
    with pytest.raises(Damaged, match="frame"):
        lines_of(bytes(frame))
