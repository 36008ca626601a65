"""Which items of a batch are open, under way, done, or in doubt. Pure: what is stored of it is
`Saved`, and outcomes in files.

Items are done in the order of the list, several at once. Outcomes come in any order; a file of
outcomes (`CHUNK`) is closed when it has all of its items. At most two files are open: an item that
takes long holds the others back when they are so far ahead.

After a crash, what was stored says what goes on:

- an item with an outcome is done;
- an item that was marked and has none is in doubt: it is recorded as unknown, and is not repeated;
- any other is open. If it was begun, its operation is one that can be repeated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from shared.batch.model import CHUNK, Counts, ItemStatus, Outcome, Saved, counted

_SAMPLE = 10
_DOUBT = "it was begun before a crash, and nobody knows how it ended; it is not done twice"


class Book:
    """The items of a batch of `total`. `chunk`: the size of a file, which tests make small."""

    def __init__(
        self,
        saved: Saved,
        total: int,
        known: Iterable[Outcome],
        label_of: Callable[[int], str] = str,
        chunk: int = CHUNK,
    ) -> None:
        """`known`: outcomes of open files, in any order, perhaps some twice; the first counts.
        `label_of`: what people call the item of that index."""
        self.total = total
        self._size = chunk
        self._saved = saved
        self._closed = saved.chunk
        self._closed_counts = saved.closed
        self._open: dict[int, Outcome] = {}
        self._under_way: set[int] = set()
        self._tail: list[Outcome] = list(saved.tail)
        self._sample: list[Outcome] = list(saved.sample)
        for one in (*known, *saved.tail):
            if one.index >= self._closed * chunk:
                self._open.setdefault(one.index, one)
        self._open_counts = counted(self._open.values())
        self._filled = Counter(index // chunk for index in self._open)
        self._next = self._closed * chunk
        for index in saved.marked:
            if index >= self._closed * chunk and index not in self._open:
                name, status = label_of(index), ItemStatus.UNKNOWN
                self.record(Outcome(index=index, label=name, status=status, error=_DOUBT))

    @property
    def counts(self) -> Counts:
        """Of all outcomes so far."""
        return self._closed_counts + self._open_counts

    @property
    def finished(self) -> bool:
        """Whether every item has an outcome."""
        return self.counts.done == self.total

    @property
    def under_way(self) -> int:
        return len(self._under_way)

    @property
    def unsaved(self) -> Sequence[Outcome]:
        """Outcomes that no file has."""
        return self._tail

    def take(self, most: int) -> list[int]:
        """Begin up to so many items: the first that are open."""
        end = min(self.total, (self._closed + 2) * self._size)
        taken: list[int] = []
        while self._next < end and len(taken) < most:
            if self._next not in self._open and self._next not in self._under_way:
                taken.append(self._next)
            self._next += 1
        self._under_way.update(taken)
        return taken

    def give_back(self, index: int) -> None:
        """An item that was begun did not come to an end, and can be done again."""
        self._under_way.discard(index)
        self._next = min(self._next, index)

    def record(self, outcome: Outcome) -> None:
        """An item ended. A second outcome of it does not count."""
        self._under_way.discard(outcome.index)
        if outcome.index in self._open or outcome.index < self._closed * self._size:
            return
        self._open[outcome.index] = outcome
        self._filled[outcome.index // self._size] += 1
        self._open_counts += counted([outcome])
        self._tail.append(outcome)
        if outcome.status in (ItemStatus.FAILED, ItemStatus.UNKNOWN):
            self._sample = [*self._sample, outcome][:_SAMPLE]

    def whole(self) -> list[Outcome] | None:
        """The outcomes of the first open file, in order, if it has all; else None."""
        span = self._span(self._closed)
        if not span or self._filled[self._closed] < len(span):
            return None
        return [self._open[index] for index in span]

    @property
    def closing(self) -> int:
        """The number of the first open file."""
        return self._closed

    def close(self) -> None:
        """The first open file was written: its outcomes are no longer kept here."""
        gone = counted(self._open.pop(index) for index in self._span(self._closed))
        self._closed_counts += gone
        self._open_counts -= gone
        del self._filled[self._closed]
        self._closed += 1
        self._next = max(self._next, self._closed * self._size)
        self._tail = [one for one in self._tail if one.index >= self._closed * self._size]

    def logged(self) -> None:
        """Files have every outcome now."""
        self._tail = []

    def by_file(self) -> Iterator[tuple[int, list[Outcome]]]:
        """(number of the file, unsaved outcomes that belong there)."""
        numbers = sorted({one.index // self._size for one in self._tail})
        for number in numbers:
            yield number, [one for one in self._tail if one.index // self._size == number]

    def saved(self, *, mark: bool) -> Saved:
        """What the row is to say. `mark`: the items under way must not be begun again."""
        closed = self._closed
        spans = list(self._saved.spans)
        if closed > self._saved.chunk and (not spans or spans[-1][1] != self._saved.epoch):
            spans.append((self._saved.chunk, self._saved.epoch))
        return replace(
            self._saved,
            chunk=closed,
            spans=tuple(spans),
            closed=self._closed_counts,
            counts=self.counts,
            tail=tuple(self._tail),
            marked=tuple(sorted(self._under_way)) if mark else (),
            sample=tuple(self._sample),
        )

    def was_saved(self, saved: Saved) -> None:
        """The row says so now."""
        self._saved = saved

    def _span(self, number: int) -> range:
        return range(number * self._size, min(self.total, (number + 1) * self._size))


def too_many_errors(counts: Counts, percent: int | None, at_least: int) -> bool:
    """Whether a batch stops: of `at_least` items or more, `percent` or more were errors."""
    if percent is None or counts.done < at_least or not counts.wrong:
        return False
    return counts.wrong * 100 >= percent * counts.done
