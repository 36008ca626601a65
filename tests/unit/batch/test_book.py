"""Which items are open, done or in doubt: whatever happens, in whatever order, and whenever the
process dies, each item ends with one outcome."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hypothesis import given
from hypothesis import strategies as st

from shared.batch.book import Book, too_many_errors
from shared.batch.model import Counts, ItemStatus, Outcome, Saved, counted

_SIZE = 4
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["take", "end", "fail", "save", "log", "die", "late"]), st.integers(0, 7)
    ),
    max_size=80,
)


def ended(index: int, status: ItemStatus = ItemStatus.SUCCEEDED, label: str = "") -> Outcome:
    return Outcome(index=index, label=label, status=status)


@dataclass
class Store:
    """What is stored, as `running` stores it; nothing else outlives the process."""

    saved: Saved = field(default_factory=lambda: Saved(epoch=1))
    logs: list[Outcome] = field(default_factory=list)
    files: dict[tuple[int, int], list[Outcome]] = field(default_factory=dict)

    def read(self, total: int) -> Book:
        known = [one for one in self.logs if one.index >= self.saved.chunk * _SIZE]
        return Book(self.saved, total, known, chunk=_SIZE)

    def save(self, book: Book, *, mark: bool) -> None:
        while (whole := book.whole()) is not None:
            self.files[book.closing, self.saved.epoch] = whole
            book.close()
        self.saved = book.saved(mark=mark)
        book.was_saved(self.saved)

    def outcomes(self) -> list[Outcome]:
        chunks = range(self.saved.chunk)
        return [one for n in chunks for one in self.files[n, self.saved.epoch_of(n)]]


@given(total=st.integers(0, 18), repeatable=st.booleans(), steps=STEPS)
def test_each_item_ends_once_wherever_the_process_dies(
    total: int, repeatable: bool, steps: list[tuple[str, int]]
) -> None:
    store = Store()
    book, under_way, begun = store.read(total), list[int](), list[int]()

    def take(most: int) -> None:
        taken = book.take(most)
        if taken and not repeatable:
            store.save(book, mark=True)  # before any of them begins
        under_way.extend(taken)
        begun.extend(taken)

    for step, number in steps:
        if step == "take":
            take(number)
        elif step in ("end", "fail") and under_way:
            status = ItemStatus.SUCCEEDED if step == "end" else ItemStatus.FAILED
            book.record(ended(under_way.pop(number % len(under_way)), status))
        elif step == "save":
            store.save(book, mark=not repeatable)
        elif step == "log":
            store.logs += book.unsaved
            book.logged()
        elif step == "late" and under_way and repeatable:
            book.give_back(under_way.pop())
        elif step == "die":
            store.saved = replace(store.saved, epoch=store.saved.epoch + 1)
            book, under_way = store.read(total), []
    while not book.finished:  # the last attempt is let be
        take(3)
        for index in under_way:
            book.record(ended(index))
        under_way.clear()
        store.save(book, mark=not repeatable)
    store.save(book, mark=not repeatable)

    found = store.outcomes()
    assert [one.index for one in found] == list(range(total))
    assert store.saved.counts == counted(found) and store.saved.counts.done == total
    assert not store.saved.marked
    if repeatable:
        assert store.saved.counts.unknown == 0
    else:
        assert len(set(begun)) == len(begun), "an item was begun twice"
        unknown = {one.index for one in found if one.status is ItemStatus.UNKNOWN}
        assert unknown <= set(begun)


def test_a_file_that_a_crash_left_whole_is_closed_and_none_of_its_items_begun_again() -> None:
    saved = Saved(epoch=2, marked=tuple(range(_SIZE)))
    book = Book(saved, _SIZE + 1, [], chunk=_SIZE)
    assert book.whole() is not None
    book.close()
    assert book.take(9) == [_SIZE]


def test_what_was_marked_and_has_no_outcome_is_unknown() -> None:
    saved = Saved(epoch=2, marked=(1, 2), tail=(ended(2),))
    book = Book(saved, 5, [ended(0)], lambda index: f"item {index}", _SIZE)
    assert book.counts == Counts(succeeded=2, unknown=1)
    assert [(one.index, one.label) for one in book.unsaved if one.status == "unknown"] == [
        (1, "item 1")
    ]
    assert book.take(9) == [3, 4]


def test_at_most_two_files_are_open() -> None:
    book = Book(Saved(), 100, (), chunk=_SIZE)
    assert book.take(100) == list(range(2 * _SIZE))
    for index in range(1, 2 * _SIZE):
        book.record(ended(index))
    assert book.take(100) == [] and book.whole() is None
    book.record(ended(0))
    assert book.whole() is not None
    book.close()
    assert book.take(100) == list(range(8, 12))


def test_a_batch_stops_at_its_rate_of_errors() -> None:
    some = Counts(succeeded=8, failed=1, unknown=1)
    assert too_many_errors(some, 20, 10)
    assert not too_many_errors(some, 21, 10)
    assert not too_many_errors(some, 20, 11)
    assert not too_many_errors(some, None, 1)
    assert not too_many_errors(Counts(succeeded=10), 1, 1)
