"""What became of what customers scheduled, beside what the place saw and the hosts noted."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

from shared.app import App
from shared.batch.model import BatchState, ItemStatus, Outcome
from shared.batch.operations import item_job
from shared.completion.saying import KIND, is_told
from shared.log import instant
from shared.notifications.listing import Wanted
from shared.notifications.outbox import Outbox
from shared.probes.model import Change, Result, Standing
from shared.probes.tallies import total as tallied
from shared.schedules.job import Job, Status
from shared.schedules.spent import NOTHING, total
from shared.spending.counting import REFUSES
from shared.spending.model import Of, Scope
from shared.storage.names import Names
from shared.webhooks.model import DeliveryStatus
from tests.soak.customers.cast import ITEMS, Scheduled
from tests.soak.customers.place import Got, Place
from tests.soak.customers.rest import deliveries
from tests.soak.verdict import Rows

_OF_ATTEMPT = 4_000
"""Bytes that an attempt to deliver sends and gets, at most."""
_ROUNDED = Decimal("0.00002")
"""Of a millionth: by how much less a job's row may say than was counted, since it is rounded."""


@dataclass(slots=True)
class Judge:
    """`file`: what hosts noted."""

    calm: App
    scheduled: Scheduled
    place: Place
    rows: Rows
    file: Path
    counts: Counter[str]

    def deliveries(self) -> Iterator[str]:
        """Each occurrence whose job ended well has arrived; repeats are the same."""
        yield from self.place.wrong
        by_occurrence: dict[tuple[str, str], list[Got]] = defaultdict(list)
        for got in self.place.got:
            by_occurrence[got.schedule, got.due_at].append(got)
        self.counts["deliveries"] = len(by_occurrence)
        self.counts["repeats"] = len(self.place.got) - len(by_occurrence)
        known = {key: {(one.id, one.body) for one in some} for key, some in by_occurrence.items()}
        yield from (f"{key} came as {some}" for key, some in known.items() if len(some) > 1)
        ids = Counter(id for some in known.values() for id in {id for id, _ in some})
        yield from (
            f"{id} is the id of {count} occurrences" for id, count in ids.items() if count > 1
        )
        yield from self._places()
        for job in self._jobs(self.scheduled.hooks, Status.SUCCEEDED):
            there = by_occurrence.get((job.schedule_id, instant(job.due_at)), [])
            said = (job.result or {}).get("delivery_id")
            stored = deliveries(self.calm).find(str(said))
            if not any(one.answered for one in there):
                yield f"{job.id} ended well, and its event never arrived: {stored}"
            elif {one.id for one in there} != {said}:
                yield f"{job.id} says {said}; there came {[one.id for one in there]}"
            if stored is None or stored.status is not DeliveryStatus.DELIVERED:
                yield f"{job.id}: {stored}"

    def _places(self) -> Iterator[str]:
        """Nothing of one project came to another."""
        for got in self.place.got:
            owner = self._project(got.schedule)
            if owner != got.project:
                yield f"{got.id}, of project {owner}, came to project {got.project}"

    def checks(self) -> Iterator[str]:
        """Each result is counted once, and the events are those of the results, in order."""
        store = self.calm.health_checks()
        for name in self.scheduled.checks:
            project = self._project(name)
            now = self.calm.clock.now()
            results = store.results(project, name, now.replace(year=now.year - 1), now, 9000)
            days, _ = store.sums(project, name, now)
            changes = store.changes(project, name, 9000)[::-1]
            self.counts["results"] += len(results)
            self.counts["changes"] += len(changes)
            check = store.check(project, name)
            runs = 0 if check is None else check.runs
            sums = tallied(day.total for day in days)
            found = Counter(one.measured.status for one in results)
            said = (sums.up, sums.degraded, sums.down)
            looked = tuple(found[one] for one in (Standing.UP, Standing.DEGRADED, Standing.DOWN))
            if said != looked or runs != len(results):
                yield f"{name} has the results {looked}; counted: {said}, {runs} in all"
            yield from (f"{name}: {one}" for one in _events(results, changes))
            yield from self._ended(name, results)

    def _ended(self, name: str, results: Sequence[Result]) -> Iterator[str]:
        counted = {one.job_id for one in results}
        jobs = {job.id: job for job in self._jobs([name])}
        yield from (f"{one} is counted, and there is no such job" for one in counted - jobs.keys())
        for job in jobs.values():
            looked = job.status is Status.SUCCEEDED or "down: " in (job.error or "")
            if looked and job.id not in counted:
                yield f"{job.id} is {job.status}, and is not counted"

    def batches(self) -> Iterator[str]:
        """Each item is accounted for, and was begun at most once."""
        lines = map(json.loads, self.file.read_text().splitlines())
        begun = Counter(one["job"] for one in lines if one["kind"] == "item")
        self.counts["items"] = len(begun)
        yield from (f"{one} was begun {count} times" for one, count in begun.items() if count > 1)
        for job in self._jobs(self.scheduled.batches):
            outcomes, problems = self._outcomes(job)
            yield from problems
            if len(outcomes) != ITEMS:
                yield f"{job.id} has {len(outcomes)} outcomes of {ITEMS} items"
            for one in outcomes:
                was = begun[item_job(job.id, one.index)]
                self.counts[f"items {one.status}"] += 1
                if not was and one.status is not ItemStatus.UNKNOWN:
                    yield f"{job.id}: {one} was never begun"

    def runs(self) -> Iterator[str]:
        """A batch asked for one job of each schedule."""
        asked = Counter(job.schedule_id for job in self.rows.jobs.values() if job.manual)
        mine = {*self.scheduled.hooks, *self.scheduled.checks}
        for batch in self._jobs([self.scheduled.runs]):
            outcomes, problems = self._outcomes(batch)
            yield from problems
            there = {one for one in mine if self._project(one) == batch.project_id}
            if {one.label for one in outcomes} != there:
                yield f"{batch.id} was to run {there}: {outcomes}"
            for one in outcomes:
                self.counts["jobs run by a batch"] += asked[one.label]
                wanted = int(one.status is ItemStatus.SUCCEEDED)
                if asked[one.label] != wanted:
                    yield f"{batch.id} asked for {asked[one.label]} jobs: {one}"

    def _outcomes(self, job: Job) -> tuple[list[Outcome], list[str]]:
        """(The outcomes of a batch, what is wrong with it.)"""
        self.counts["attempts of batches"] += job.attempt
        if job.status is not Status.SUCCEEDED:
            return [], [f"{job.id} is {job.status}: {job.error}, {job.reason}"]
        batches = self.calm.batches()
        standing = batches.progress.standing(job.project_id, job.id)
        found = list(batches.progress.outcomes(standing, 0, None))
        wrong: list[str] = []
        if standing.saved.state is not BatchState.COMPLETED:
            wrong.append(f"{job.id} is {standing.saved.state}")
        if [one.index for one in found] != list(range(standing.total or 0)):
            wrong.append(f"{job.id} has other outcomes than items: {found}")
        told = standing.saved.counts.told()
        if Counter(one.status.value for one in found) != +Counter(told):
            wrong.append(f"{job.id} says {told}; its outcomes: {found}")
        return found, wrong

    def budgets(self) -> Iterator[str]:
        """What was spent is what the jobs that ended used, each once; and what was sent to webhooks
        beside jobs."""
        prices = self.calm.settings.prices
        for scope in self.scheduled.budgets:
            budget = self.calm.spending.get(scope)
            counter = self.calm.spending.standing(budget).counter
            mine = [job for job in self.rows.jobs.values() if _is_of(job, scope) and job.attempt]
            used = sum((total(job.spent or NOTHING, prices) for job in mine), Decimal())
            self.counts["counted"] += counter.jobs
            slack = _ROUNDED * (len(mine) + 1)
            beside = self._attempts(scope) * _OF_ATTEMPT * prices.transfer_gb / 10**9
            right = -slack <= counter.micros - used <= slack + beside
            if counter.jobs != len(mine) or not right:
                yield (
                    f"{scope}: {len(mine)} jobs used {used}; {counter.jobs} jobs and "
                    f"{counter.micros} are counted"
                )
        refused = [
            job
            for job in self._jobs([self.scheduled.poor])
            if (job.reason or "").startswith(REFUSES)
        ]
        self.counts["refused by a budget"] = len(refused)
        yield from (f"{job.id} was refused, and is {job.status}" for job in refused if job.attempt)

    def _attempts(self, scope: Scope) -> int:
        """How many attempts to deliver there may have been for it, at most."""
        came = sum(str(got.project) == scope.id for got in self.place.got)
        return came + self.place.counts["away"] if came and scope.of is Of.PROJECT else 0

    def mails(self) -> Iterator[str]:
        """One for each job that ended, and asks for it."""
        outbox = Outbox(self.calm.connection, Names(self.calm.settings.prefix).notifications)
        page, number = outbox.page(Wanted(kind=KIND), 1, 900)
        there = Counter(one.key for one in page)
        self.counts["mails"] = number
        wanted = {
            f"completed:{job.id}" for job in self._jobs(self.scheduled.mailing) if is_told(job)
        }
        if there != Counter(wanted):
            missing, more = Counter(wanted) - there, there - Counter(wanted)
            yield f"mails that are missing: {list(missing)}; that are too many: {dict(more)}"

    def _project(self, schedule: str) -> int | None:
        return self.rows.schedules[schedule].definition.project_id

    def _jobs(self, schedules: Iterable[str], status: Status | None = None) -> list[Job]:
        wanted = {*schedules}
        mine = [job for job in self.rows.jobs.values() if job.schedule_id in wanted]
        return [job for job in mine if status in (None, job.status)]


def _events(results: Sequence[Result], changes: Sequence[Change]) -> Iterator[str]:
    """What is wrong with the events, oldest first."""
    by_time = {one.at: one.measured.status for one in results}
    for one in changes:
        if by_time.get(one.at) is not one.after:
            yield f"no result says {one}"
    for first, second in pairwise(changes):
        if second.at <= first.at or second.before is not first.after:
            yield f"{second} comes after {first}"
    if changes and changes[0].before not in (Standing.UNKNOWN, Standing.UP):
        yield f"nothing comes before {changes[0]}"  # that it is up at first is no event
    if results and changes:
        last = max(results, key=lambda one: one.at).measured.status
        if changes[-1].after is not last:
            yield f"the last event is {changes[-1]}, and it was found {last}"


def _is_of(job: Job, scope: Scope) -> bool:
    if scope.of is Of.SCHEDULE:
        return job.schedule_id == scope.id
    return str(job.project_id) == scope.id
