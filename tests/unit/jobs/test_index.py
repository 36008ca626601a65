"""The index of jobs against a plain list of them: pages, totals and sums are the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.jobs import counting, packing
from shared.jobs.chunk import Chunk, decode, encode, ordered
from shared.jobs.directory import Directory, Section
from shared.jobs.entry import Entry, Filter, ceiling, epoch
from shared.jobs.packing import merged, placed
from shared.jobs.paging import Jobs
from shared.schedules.job import Status, job_id

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = 86_400


def made(
    schedule: str, minutes: int, status: Status, task: str, project: int | None, count: int, by: str
) -> Entry:
    due = START + timedelta(minutes=minutes)
    by = by if count == 1 else ""
    return Entry(
        id=job_id(schedule, due, by),
        status=status,
        task_type=task,
        project_id=project,
        until=epoch(due) + (count - 1) * 3600,
        count=count,
        seconds=0.5 if status is Status.SUCCEEDED else None,
    )


entries = st.builds(
    made,
    st.sampled_from(["a", "a_b", "nightly", "s1"]),
    st.integers(0, 4000),
    st.sampled_from(Status),
    st.sampled_from(["backup", "report"]),
    st.sampled_from([None, 1, 2]),
    st.sampled_from([1, 1, 1, 5, 60]),
    st.sampled_from(["", "", "k3f9", "r1"]),
)
filters = st.builds(
    Filter,
    schedule_id=st.sampled_from([None, None, "a", "a_b", "gone"]),
    projects=st.sampled_from([None, None, {1}, {1, 2}, {None}, frozenset()]),
    task_types=st.sampled_from([None, None, ["backup"], ["gone"]]),
    status=st.sampled_from([None, None, *Status]),
    since=st.none() | st.integers(epoch(START) - 60, epoch(START) + 4000 * 60),
    until=st.none() | st.integers(epoch(START) - 60, epoch(START) + 4000 * 60),
)


class Index:
    """An index in memory, packed in several runs; blobs stay as bytes, as they do in storage."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.directory = Directory()
        self.reads = 0

    def pack(self, some: Sequence[Entry]) -> None:
        """Pack these."""
        changed: dict[int, list[Section]] = {}
        for number, more in placed(self.directory, some).items():
            held = self.directory.sections[number : number + 1]
            there = [one for section in held for one in self.read(section.name)]
            newest = number >= len(self.directory.sections) - 1
            changed[number] = [self._keep(part) for part in merged(there, more, newest=newest)]
        kept = [one for at, one in enumerate(self.directory.sections) if at not in changed]
        sections = [*kept, *(one for part in changed.values() for one in part)]
        self.directory = Directory.decode(Directory.of(sections).encode())

    def read(self, name: str) -> Chunk:
        """The chunk of that name."""
        self.reads += 1
        return decode(self.blobs[name])

    def _keep(self, some: Sequence[Entry]) -> Section:
        name = str(len(self.blobs))
        self.blobs[name] = encode(some)
        return Section.of(name, some)


@pytest.fixture(autouse=True, scope="module")
def small() -> object:
    """Chunks of a few jobs."""
    patch = pytest.MonkeyPatch()
    patch.setattr(packing, "MOST", 7)
    yield
    patch.undo()


def once(found: Sequence[Entry]) -> list[Entry]:
    """Each job once, as it was first found."""
    return list({one.id: one for one in reversed(found)}.values())[::-1]


@given(st.lists(entries, max_size=60), st.integers(1, 5), st.integers(0, 20), filters)
def test_pages_and_totals_are_those_of_a_list(
    found: list[Entry], runs: int, unpacked: int, wanted: Filter
) -> None:
    found = once(found)
    jobs = indexed(found, runs, unpacked)
    expected = [one.id for one in ordered(found)[::-1] if wanted.fits(one)]
    for size in (1, 4, 100):
        seen: list[str] = []
        for skip in range(0, len(expected) + size, size):
            page = jobs.page(wanted, skip, size)
            assert page.total == len(expected)
            assert page.more == (skip + size < len(expected))
            seen += [one.id for one in page.entries]
        assert seen == expected
        assert walked(jobs, wanted, size) == expected


def indexed(found: Sequence[Entry], runs: int, unpacked: int) -> Jobs:
    """An index of these: packed in some runs, in any order of time; the last ones are in the tail,
    some of them for the second time."""
    index = Index()
    packed = found[: max(0, len(found) - unpacked)]
    for run in range(runs):
        index.pack([*packed[run::runs], *packed[run::runs][:2]])
    return Jobs(index.directory, {one.id: one for one in found[-unpacked - 3 :]}, index.read)


def walked(jobs: Jobs, wanted: Filter, size: int) -> list[str]:
    seen: list[str] = []
    page = jobs.after(wanted, None, size)
    while True:
        seen += [one.id for one in page.entries]
        if not page.more:
            return seen
        page = jobs.after(wanted, page.entries[-1].key, size)


@given(st.lists(entries, max_size=60), st.integers(1, 5), st.integers(0, 20), filters)
def test_sums_are_those_of_a_list(
    found: list[Entry], runs: int, unpacked: int, wanted: Filter
) -> None:
    found = once(found)
    jobs = indexed(found, runs, unpacked)
    counts = counting.counted(jobs, wanted)
    days = counting.by_day(jobs, wanted, date(2026, 2, 28), date(2026, 3, 12))
    for status in Status:
        of_it = [
            one
            for one in found
            if one.status is status and wanted.fits_group(one.project_id, one.task_type, one.status)
        ]
        assert counts.of(status) == sum(one.count for one in of_it)
        for day, one_day in days.items():
            on_it = [one for one in of_it if one.until // DAY == (day - date(1970, 1, 1)).days]
            assert one_day.of(status) == sum(one.count for one in on_it)
    assert sum(day.runs for day in days.values()) == counts.runs


@given(st.lists(entries, min_size=1, max_size=40))
def test_a_chunk_gives_back_what_was_put_into_it(found: list[Entry]) -> None:
    some = ordered(once(found))
    assert list(decode(encode(some))) == some


def test_a_page_of_many_reads_the_chunk_where_it_lies() -> None:
    index = Index()
    index.pack([made("a", at, Status.SUCCEEDED, "backup", 1, 1, "") for at in range(700)])
    jobs = Jobs(index.directory, {}, index.read)
    for skip in (0, 350, 693):
        index.reads = 0
        assert len(jobs.page(Filter(status=Status.SUCCEEDED), skip, 7).entries) == 7
        assert index.reads <= 2


def test_late_jobs_halve_a_full_chunk_and_do_not_leave_crumbs() -> None:
    index = Index()
    index.pack([made("a", 10 * at, Status.SUCCEEDED, "backup", 1, 1, "") for at in range(70)])
    index.pack([made("a", 5, Status.SUCCEEDED, "backup", 1, 1, "")])
    sizes = [sum(section.counts.values()) for section in index.directory.sections]
    assert sizes == [4, 4, *[7] * 9]


@pytest.mark.parametrize(
    ("read", "content"),
    [(decode, b"x"), (Directory.decode, b"x"), (decode, Directory().encode())],
)
def test_what_is_no_blob_of_an_index_is_refused(
    read: Callable[[bytes], object], content: bytes
) -> None:
    with pytest.raises((ValueError, LookupError)):
        read(content)


def test_an_instant_within_a_second_is_before_the_next() -> None:
    assert (epoch(START), ceiling(START)) == (epoch(START), epoch(START))
    later = START + timedelta(microseconds=1)
    assert (epoch(later), ceiling(later)) == (epoch(START), epoch(START) + 1)
