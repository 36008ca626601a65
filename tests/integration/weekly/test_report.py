"""The weekly report by the real services: PostgreSQL or SQLite, Azurite, outbox, alerts and API."""

from __future__ import annotations

import io
import time
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import wraps
from typing import Any

import pypdfium2
import pytest
from pypdf import PdfReader

from functions.operations.weekly_report import weekly_report
from shared.alerts.of_lateness import LatenessWatch
from shared.alerts.of_workflows import WorkflowWatch
from shared.alerts.port import AlertKind
from shared.app import App
from shared.clock import ManualClock
from shared.errors import Unavailable
from shared.jobs.chunk import encode
from shared.jobs.directory import Directory, Group, Section, Sums
from shared.jobs.entry import Entry, epoch
from shared.jobs.totals import LATE, Totals
from shared.schedules.job import Status, job_id
from shared.storage.blobs import stream
from shared.storage.blobs.container import Container
from shared.storage.blobs.job_chunks import JobChunks
from shared.storage.tables.job_feed import JobFeed
from shared.tasks import Result
from shared.weekly.formats import ReportFormat, written
from shared.weekly.model import WeeklyReport
from shared.weekly.port import ATTEMPTS
from shared.weekly.service import Weekly
from shared.weekly.week import Week
from tests.context import job_of, result_of
from tests.integration.finance.setup import Kept, Killed
from tests.integration.weekly.conftest import NOW, asking, made

DUE = NOW.replace(second=0)
MONDAY = date(2026, 11, 23)
WEEK = Week(MONDAY)
DAY = timedelta(days=1)


def run(app: App, due_at: datetime = DUE, *, attempt: int = 1, dry_run: bool = False) -> Result:
    assert isinstance(app.clock, ManualClock)
    app.clock.advance(max(timedelta(), due_at + timedelta(seconds=3) - app.clock.now()))
    job = job_of(
        job_id=f"weekly_report-{due_at:%Y%m%dT%H%M%SZ}",
        schedule_id="weekly_report",
        due_at=due_at,
        clock=app.clock,
        attempt=attempt,
        dry_run=dry_run,
    )
    return result_of(
        weekly_report,
        job,
        weekly=app.weekly(),
        notifications=app.notifications(),
        alerts=app.alerts(),
    )


def entry(number: int, day: date, status: Status, late: float | None = 0.4) -> Entry:
    """A job that was due on that day, and began so late."""
    at = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=number)
    begun = epoch(at)
    return Entry(job_id("nightly", at), status, "nightly", None, begun, 1, 1.5, begun, late)


def index(app: App, jobs: int, weeks: int = 5, *, last: date = MONDAY + 6 * DAY) -> None:
    """The index of jobs after some weeks of so many jobs, 1 % of which failed. Its chunks are not
    there, but for the last: only who adds up what the directory says can answer."""
    chunks = JobChunks(Container(lambda: app.connection.container(f"{app.settings.prefix}-index")))
    table = app.connection.table(f"{app.settings.prefix}schedules")
    feed = JobFeed(table, app.meta)
    chunks.create()
    days = [last - number * DAY for number in reversed(range(7 * weeks))]
    each = jobs // len(days)
    sections = []
    for number, day in enumerate(days):
        at = epoch(datetime(day.year, day.month, day.day, tzinfo=UTC))
        ways = ((Status.SUCCEEDED, each // 20 * 99 // 100), (Status.FAILED, each // 2000))
        sums: dict[Group, Sums] = {
            (at // 86_400, None, f"task{task}", status, False): Sums(many, many, many, 1.0)
            for task in range(20)
            for status, many in ways
        }
        sections.append(
            Section(
                name=f"gone-{number}",
                first=(at, "a"),
                last=(at + 86_000, "z"),
                since=(at, at + 86_000),
                sums=sums,
                counts={},
            )
        )
    some = [entry(number, last + DAY, Status.SUCCEEDED) for number in range(3)]
    sections.append(Section.of(chunks.keep_chunk(encode(some)), some))
    totals = chunks.keep_totals(Totals().plus(some))
    named = chunks.keep_directory(Directory.of(sections, (), totals).encode())
    assert feed.point(feed.pointer(), named)


def file(app: App, *entries: Entry) -> None:
    """Jobs that have just ended."""
    table = app.connection.table(f"{app.settings.prefix}schedules")
    JobFeed(table, app.meta).file(entries, app.clock.now())


def spend(kept: Kept, *, this_week: int = 9_000, before: int = 4_000) -> None:
    """Costs and revenue of five weeks, in minor units each week."""
    for number in range(5):
        day = MONDAY - 7 * number * DAY
        kept.cost(day, this_week if number == 0 else before)
        kept.revenue(day + 6 * DAY, 20_000)
    kept.cost(MONDAY + 7 * DAY, 1)  # of the next week


def files(app: App) -> dict[str, bytes]:
    """The blobs of the week's report."""
    container = Container(lambda: app.connection.container(f"{app.settings.prefix}-reports"))
    return {name: stream.text(container.blob(name)) for name in container.names("weekly/2026-W48")}


def mails(app: App) -> list[str]:
    found, _ = app.notifications().page(None, None, 1, 100, kind="weekly_report")
    return [one.key for one in found]


def trends(app: App) -> list[str]:
    return [one.text for one in app.alerts().all(100) if one.kind is AlertKind.WEEKLY_TREND]


def test_a_week_is_reported_stored_mailed_shown_and_alerted_of_once(app: App, kept: Kept) -> None:
    spend(kept)
    index(app, 35_000)
    rehearsed = run(app, dry_run=True)
    assert rehearsed["would"]["send"] and not files(app) and not mails(app)  # type: ignore[index]
    assert rehearsed["would"]["alert"][0]["kind"] == "weekly_trend"  # type: ignore[index]
    told = run(app)
    assert (told["week"], told["stored_before"], told["mails"]) == ("2026-W48", False, 1)
    assert told["rules"] == ["costs_grew: company.cost.USD"]
    first = files(app)
    assert sorted(first) == [f"weekly/2026-W48.{one}" for one in ("html", "json", "md", "pdf")]
    kept.cost(MONDAY, 77_000)  # what is told does not change any more
    assert run(app, attempt=2)["stored_before"] is True
    assert files(app) == first and mails(app) == ["weekly_report:2026-W48"]
    (text,) = trends(app)
    assert "Costs (USD): 90.00 USD, where the 4 weeks before had 40.00 USD on average" in text
    ask = asking(app)
    listed = ask("weekly").json()
    assert (listed["total"], listed["reports"][0]["url"]) == (1, "/api/v1/reports/weekly/2026-W48")
    shown = WeeklyReport.model_validate(ask("weekly/2026-W48").json())
    assert shown.values()["runs.ended"] == 7 * 20 * 49
    for format in (ReportFormat.MARKDOWN, ReportFormat.HTML, ReportFormat.PDF):
        answer = ask("weekly/2026-W48", format=format.value)
        assert answer.content == first[f"weekly/2026-W48.{format}"]
        assert answer.headers["content-type"] == format.content_type
    assert ask("weekly/2026-W47").status_code == 404
    assert [ask(f"weekly/{one}").status_code for one in ("2026-48", "2026-W54")] == [422, 422]
    assert ask("weekly/2026-W48", format="xlsx").status_code == 422
    paper = first["weekly/2026-W48.pdf"]
    assert "90.00 USD" in PdfReader(io.BytesIO(paper)).pages[0].extract_text()
    page = pypdfium2.PdfDocument(paper)[0].render(scale=0.5).to_pil()
    assert len(page.getcolors(100_000) or ()) > 20


def killing(monkeypatch: pytest.MonkeyPatch, app: App, at: int) -> Callable[[], int]:
    """The process dies before the step of that number; how many steps there were."""
    steps = 0

    def watched(of: Any, name: str) -> None:
        real = getattr(of, name)

        @wraps(real)
        def step(*given: Any, **named: Any) -> Any:
            nonlocal steps
            steps += 1
            if steps == at:
                raise Killed
            return real(*given, **named)

        monkeypatch.setattr(of, name, step)

    watched(app.weekly().store, "keep")
    watched(stream, "write_once")
    watched(app.notifications(), "report")
    watched(app.alerts(), "happened")
    return lambda: steps


@pytest.mark.parametrize("empty", ["postgresql"], indirect=True)
def test_killed_before_each_step_it_ends_as_if_it_had_not_been(
    app: App, kept: Kept, azurite: Any
) -> None:
    """What was found is decided by whoever stores it first."""
    spend(kept)
    number, died = 0, True
    while died:
        number += 1
        there = made(azurite, f"{app.settings.prefix}k{number}", kept.url)
        index(there, 3_500)
        with pytest.MonkeyPatch.context() as patch:
            killing(patch, there, number)
            try:
                run(there)
                died = False
            except Killed:
                pass
        before = files(there)
        kept.cost(MONDAY, 1_000)  # comes in between
        run(there, attempt=2)
        after = files(there)
        found = there.weekly().store.get(WEEK)
        for format in ReportFormat:
            assert after[f"weekly/2026-W48.{format}"] == written(found, format)
        assert len(after) == 4 and before.items() <= after.items()
        assert mails(there) == ["weekly_report:2026-W48"] and len(trends(there)) == 1
    assert number == 8  # keep, four files, mail, alert; then none is left


def test_the_next_week_is_beside_what_this_one_said(bare: App) -> None:
    """Lateness is counted from report to report; a week that nobody can count is as it was told."""
    index(bare, 35_000)
    first = run(bare)
    assert first["findings"] == 0
    report = bare.weekly().store.get(WEEK)
    notes = {one.name: one.note for one in report.sections if not one.figures}
    assert notes["lateness"] == "Known from the second report on."
    assert "DATABASE_URL" in (notes["company"] or "")
    after = MONDAY + 8 * DAY
    file(bare, *(entry(at, after, Status.FAILED, late) for at, late in enumerate((0.3, 0.3, 90.0))))
    told = run(bare, DUE + 7 * DAY)
    assert (told["week"], told["runs_failed"]) == ("2026-W49", 3)
    values = bare.weekly().store.get(Week(MONDAY + 7 * DAY)).values()
    assert (values["lateness.counted"], values["lateness.max"]) == (3, 120)
    assert "runs_halved: runs.ended" in told["rules"]  # type: ignore[operator]
    later = run(bare, DUE - 7 * DAY)
    assert later["week"] == "2026-W47"
    assert isinstance(bare.clock, ManualClock)
    bare.clock.advance(21 * DAY)  # two Mondays were missed; the first is made up for
    made_up = run(bare, DUE + 14 * DAY)
    assert (made_up["week"], made_up["outside_bands"]) == ("2026-W50", 1)
    assert [text[:11] for text in trends(bare)] == ["In 2026-W49"]


def test_a_section_that_fails_is_left_out_in_the_last_attempt_alone(bare: App) -> None:
    class Away:
        name = "workflows"

        def say(self, *_: object) -> Any:
            raise Unavailable("workflows", "it does not answer")

    store = bare.weekly().store
    weekly = Weekly([Away()], bare.jobs, store)

    def attempt(number: int) -> Result:
        job = job_of(due_at=DUE, clock=bare.clock, attempt=number)
        return weekly.report(job, bare.notifications(), bare.alerts())

    for number in range(1, ATTEMPTS):
        with pytest.raises(Unavailable, match="does not answer"):
            attempt(number)
    assert store.weeks() == []
    attempt(ATTEMPTS)
    assert "does not answer" in (store.get(WEEK).sections[-1].note or "")


@pytest.fixture
def traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


def test_a_million_jobs_take_no_more_than_their_sums(bare: App, traced: None) -> None:
    """The chunks with the jobs are not there, so none is read."""
    index(bare, 1_000_000)
    run(bare, dry_run=True)  # loads what is imported once
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    began = time.process_time()
    told = run(bare)
    _, peak = tracemalloc.get_traced_memory()
    assert told["runs_ended"] == 7 * 20 * ((1_000_000 // 35) // 20 * 99 // 100 + 14)
    assert peak - before < 20 * 2**20
    assert time.process_time() - began < 10


def test_late_runs_and_failing_workflows_are_told_until_they_are_over(bare: App) -> None:
    """Two looks with late runs tell people, and one without ends it (O11)."""
    index(bare, 3_500)
    clock = bare.clock
    assert isinstance(clock, ManualClock)
    ended = 100, 6

    class Runs:
        def runs(self, since: datetime, until: datetime) -> tuple[int, int]:
            assert until == clock.now() and until - since in (DAY, 7 * DAY)
            return ended

    late = LatenessWatch(lambda: bare.jobs.totals(0)[0].late.counts, LATE, bare.meta, bare.alerts)
    failing = WorkflowWatch(Runs, bare.alerts)
    found = []
    for number, seconds in enumerate((0.3, 0.3, 90.0, 90.0, 0.3)):
        clock.advance(5 * DAY / 1440)
        some = [
            entry(1_000 * number + one, MONDAY + 7 * DAY, Status.SUCCEEDED, seconds)
            for one in range(30)
        ]
        file(bare, *some)
        job = job_of(due_at=clock.now(), clock=clock)
        late.watch(job)
        failing.watch(job)
        ended = 100, 5 if number > 1 else 6
        alerts = bare.alerts()
        kinds = (AlertKind.RUNS_LATE, AlertKind.WORKFLOWS_FAILING)
        found.append(tuple(bool(alerts.open_subjects(kind)) for kind in kinds))
    assert found == [(False, True), (False, True), (False, True), (True, False), (False, False)]
