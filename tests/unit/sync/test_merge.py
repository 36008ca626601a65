"""What is to be done with each item of two listings, for any two listings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.storage.outside.pages import Blob
from shared.sync.merge import (
    Placed,
    Rule,
    Verdict,
    decide,
    key_of,
    marks,
    side_by_side,
    too_many,
)

AT = datetime(2030, 1, 1, tzinfo=UTC)
RULE = Rule(source="here", delete=True, protect_newer=True)
names = st.text("ab/-\u00e9\uffff\U0001f600", min_size=1, max_size=3)
listings = st.dictionaries(names, st.sampled_from("123"), max_size=8)


def blob(name: str, etag: str, age: int = 0, marked: Mapping[str, str] | None = None) -> Blob:
    changed = AT - timedelta(minutes=age)
    return Blob(name=name, size=1, etag=etag, changed_at=changed, metadata=marked or {})


def placed(items: list[Blob], page: int = 3) -> list[Placed[Blob]]:
    return [Placed(key_of(one.name), one, str(at // page)) for at, one in enumerate(items)]


def listed(items: dict[str, Blob]) -> list[Blob]:
    return sorted(items.values(), key=lambda one: key_of(one.name))


@given(listings, listings, st.dictionaries(names, st.booleans(), max_size=8))
def test_the_copy_is_the_original_afterwards(
    source: dict[str, str], copied: dict[str, str], theirs: dict[str, bool]
) -> None:
    """What was copied before, in whatever state, and what others put there."""
    here = {name: blob(name, etag, age=1) for name, etag in source.items()}
    there = {
        name: blob(name, "0", marked=marks("here", etag, "j")) for name, etag in copied.items()
    }
    there |= {name: blob(name, "x", age=0 if new else 5) for name, new in theirs.items()}
    after = dict(there)
    for pair in side_by_side(placed(listed(here)), placed(listed(there))):
        assert pair.ordered
        one, other = pair.source, pair.destination
        assert one is None or other is None or one.name == other.name
        verdict = decide(one, other, RULE)
        if verdict is Verdict.COPY:
            assert one is not None
            after[one.name] = replace(one, metadata=marks("here", one.etag, "k"))
        elif verdict is Verdict.DELETE:
            assert other is not None
            del after[other.name]
        elif one is not None and verdict is Verdict.SAME:
            assert there[one.name].metadata["belfry_etag"] == one.etag
    for name, one in here.items():
        newer = theirs.get(name, False)
        assert after[name].metadata.get("belfry_etag") == (None if newer else one.etag)
    assert set(after) == set(here) | set(theirs)  # what others put there is never deleted
    again = side_by_side(placed(listed(here)), placed(listed(after)))
    verdicts = {decide(pair.source, pair.destination, RULE) for pair in again}
    assert verdicts <= {Verdict.SAME, Verdict.NOTHING, Verdict.KEPT}


@given(listings, listings, st.integers(0, 16))
def test_from_any_place_on_the_rest_is_the_same(
    source: dict[str, str], copy: dict[str, str], at: int
) -> None:
    """An attempt that goes on reads both sides again from the pages that the pair names."""
    here = placed(listed({name: blob(name, etag) for name, etag in source.items()}))
    there = placed(listed({name: blob(name, etag) for name, etag in copy.items()}))
    pairs = list(side_by_side(here, there))
    if at >= len(pairs):
        return
    last = pairs[at]

    def rest(side: list[Placed[Blob]], marker: str | None) -> list[Placed[Blob]]:
        return [
            one for one in side if int(one.marker or 0) >= int(marker or 0) and one.key > last.key
        ]

    again = side_by_side(rest(here, last.markers[0]), rest(there, last.markers[1]))
    assert [(one.key, one.source, one.destination) for one in again] == [
        (one.key, one.source, one.destination) for one in pairs[at + 1 :]
    ]


@given(st.permutations([blob(name, "1") for name in ("a", "b", "c", "d")]))
def test_a_listing_that_is_not_in_order_is_noticed(items: list[Blob]) -> None:
    nothing: list[Placed[Blob]] = []
    pairs = list(side_by_side(placed(items), nothing))
    assert {pair.source.name for pair in pairs if pair.source} == set("abcd")
    assert pairs[-1].ordered == (items == sorted(items, key=lambda one: one.name))


def test_how_much_is_too_much() -> None:
    assert not too_many(0, 0, 0)
    assert not too_many(10, 100, 10)
    assert too_many(11, 100, 10)
    assert too_many(1, 1, 99)
    assert not too_many(1, 1, 100)
