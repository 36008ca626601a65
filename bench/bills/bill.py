"""(a company, what was counted) -> the lines of its bill for a month. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from bench.bills import prices
from bench.bills.backups import Kept, kept
from bench.bills.companies import Company
from bench.bills.measured import NOTHING, Counts, Work
from bench.bills.prices import Price

HOURS = 730
"""Of a month, as Azure's calculator has it."""
DAYS = HOURS / 24
DAY = 86_400

TICKS = 2 * 24 * 60
"""A day: the dispatcher's timer, and the message that renews itself."""
CLOCK_MESSAGE = 3
"""Requests to queues of each of these messages: sent, received, deleted."""
POLLS = 1
"""A second, of an instance, on the queue that its function waits for: `maxPollingInterval`."""
LEAST = 1.0
"""Seconds that a period of activity is billed as, at least.
https://learn.microsoft.com/azure/azure-functions/functions-consumption-costs"""
AHEAD = 1.5
"""Seconds for which a message is taken ahead of its time, and waits: one to two."""
AT_ONCE = 64
"""Runs of an instance (JOBS_PER_INSTANCE)."""
HOST_LINES = 3
"""Rows that the host writes of each execution: that it begins, that it ended, and the request."""
ROW = 900
"""Bytes that the platform adds to each row of a log: ids, names, properties. Assumed."""
LEASES = 2
"""A minute: how often each timer's listener renews its lease, a request to a blob. Assumed."""
SECRETS, STARTS = 6, 100
"""References to the vault, and instances that start in a day and read them. Assumed."""
PROBES = 5 * 24 * 12
"""A day: the test from outside asks from five places every five minutes."""
RULES_5, RULES_15, RULES_METRIC = 7, 13, 2
"""Of infra/modules/alerts.bicep: rules on logs that look every 5 minutes, less often; on metrics.
"""
JOB_DAYS, JOB_BYTES = 90, 830
"""For how long the row of a job is in the table (JOB_RETENTION_DAYS), and its size."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line of the bill."""

    group: str
    price: Price
    things: float
    factor: float = 1
    """What it costs, as a multiple of the list price."""

    @property
    def dollars(self) -> float:
        return self.price.of(self.things) * self.factor


@dataclass(frozen=True, kw_only=True, slots=True)
class Function:
    """A function, or several that share instances: how often it is called a day, for how long."""

    name: str
    executions: float
    seconds: float
    moments: float
    """Executions that begin at different times: those of one moment run side by side."""

    @property
    def busy(self) -> float:
        """Seconds of a day in which instances are billed: when it runs at all, and more than one
        instance if one cannot hold all. Executions come independently of each other, so the share
        of time in which none runs is exp(-load)."""
        load = self.moments * max(LEAST, self.seconds) / DAY
        instances = max(1.0, self.executions * self.seconds / DAY / AT_ONCE)
        return DAY * (1 - math.exp(-load)) * instances


def bill(company: Company, counts: Counts) -> list[Line]:
    """All lines, those of one group together. Without what each company sends to people."""
    store = kept(company.backup_gb)
    return [
        *_compute(company, counts),
        *_requests(company, counts),
        *_backups(company, store),
        *_monitoring(company, counts),
        *_rest(company, store),
    ]


def messages(company: Company) -> list[Line]:
    """What text messages and mail cost, which is no bill of Azure."""
    return [
        Line(group="messages", price=prices.SMS, things=company.sms),
        Line(group="messages", price=prices.MAIL, things=company.mails),
    ]


def functions(company: Company, counts: Counts) -> list[Function]:
    """Everything that is called, as the platform scales it: each timer and each queue by itself,
    all of HTTP together."""
    tick = counts.tick.seconds
    one_by_one = company.runs * (1 - company.together)
    sent = one_by_one + company.runs * company.together / 50
    run = AHEAD + company.run_seconds + counts.alone.seconds
    own = AHEAD + counts.own.seconds / max(1, counts.own_runs)
    per_backup = 60 * company.backup_gb
    """A GB takes a minute: dumped, sent, read back, restored. Assumed."""
    return [
        _alike("schedule_dispatcher", TICKS / 2, tick),
        _alike("clock_message", TICKS / 2, tick),
        _alike("timers of tasks", counts.wake_ups, tick),
        _alike("job_worker", sent, run),
        Function(
            name="job_worker, own runs",
            executions=counts.own_runs,
            seconds=own,
            moments=counts.own_moments,
        ),
        _alike("long_job_worker", 1 + 1 / 7, per_backup),
        _alike("http", company.requests + PROBES, counts.request.seconds),
    ]


def _alike(name: str, executions: float, seconds: float) -> Function:
    return Function(name=name, executions=executions, seconds=seconds, moments=executions)


def day(company: Company, counts: Counts) -> Work:
    """What a day does to storage and to the log, without backups."""
    alone = company.runs * (1 - company.together)
    parts = (
        counts.tick.times(TICKS + counts.wake_ups),
        counts.own,
        counts.alone.times(alone),
        counts.together.times(company.runs - alone),
        counts.request.times(company.requests + PROBES),
    )
    total = NOTHING
    for part in parts:
        total = total.plus(part)
    return total


def log_bytes(company: Company, counts: Counts) -> float:
    """Of a day, as they are billed."""
    own = day(company, counts)
    task_lines = company.runs * company.run_lines
    executions = sum(one.executions for one in functions(company, counts))
    rows = own.lines + task_lines + executions * HOST_LINES
    return own.bytes + task_lines * 100 + rows * ROW


def _compute(company: Company, counts: Counts) -> Iterator[Line]:
    there = functions(company, counts)
    ready = [one for one in there if one.name.partition(",")[0] in company.ready]
    on_demand = [one for one in there if one not in ready]
    memory = company.memory_gb * DAYS

    def total(some: list[Function], word: str) -> float:
        return float(sum(getattr(one, word) for one in some))

    gb_seconds = total(on_demand, "busy") * memory
    yield Line(group="compute", price=prices.GB_SECOND, things=gb_seconds)
    yield Line(
        group="compute", price=prices.EXECUTION, things=total(on_demand, "executions") * DAYS
    )
    if ready:
        baseline = len(company.ready) * DAY * memory
        yield Line(group="compute", price=prices.READY, things=baseline)
        active = min(total(ready, "busy"), len(company.ready) * DAY) * memory
        yield Line(group="compute", price=prices.READY_GB_SECOND, things=active)
        executions = total(ready, "executions") * DAYS
        yield Line(group="compute", price=prices.READY_EXECUTION, things=executions)


def polls(company: Company, counts: Counts) -> float:
    """A day: each queue is polled by one instance, and the queue of jobs by as many as it needs."""
    workers = sum(
        one.executions * one.seconds / DAY / AT_ONCE
        for one in functions(company, counts)
        if one.name == "job_worker"
    )
    return (counts.queues + max(0.0, math.ceil(workers) - 1)) * POLLS * DAY


def _requests(company: Company, counts: Counts) -> Iterator[Line]:
    work = day(company, counts)
    queue = work.queue + CLOCK_MESSAGE * TICKS / 2
    leases = counts.timers * LEASES * 24 * 60
    rows = company.runs * JOB_DAYS * JOB_BYTES / 1e9
    yield Line(group="tables and queues", price=prices.TABLE, things=work.table * DAYS)
    yield Line(group="tables and queues", price=prices.QUEUE, things=queue * DAYS)
    yield Line(group="polls", price=prices.QUEUE, things=polls(company, counts) * DAYS)
    yield Line(
        group="tables and queues", price=prices.BLOB_READ, things=(work.blob_reads + leases) * DAYS
    )
    yield Line(
        group="tables and queues",
        price=prices.BLOB_WRITE,
        things=work.blob_writes * DAYS,
        factor=prices.ZONES,
    )
    yield Line(group="tables and queues", price=prices.TABLE_GB, things=rows, factor=prices.ZONES)


def _backups(company: Company, store: Kept) -> Iterator[Line]:
    for _ in range(1 + company.offsite):
        for price, gb in (
            (prices.HOT, store.hot),
            (prices.COOL, store.cool),
            (prices.COLD, store.cold),
        ):
            yield Line(group="backups", price=price, things=gb, factor=prices.ZONES)
        yield Line(
            group="backups", price=prices.BLOB_WRITE, things=store.blocks, factor=prices.ZONES
        )
        yield Line(group="backups", price=prices.BLOB_READ, things=store.blocks)
    if company.offsite:  # each copy is sent there, and read back
        yield Line(group="second region", price=prices.BETWEEN_REGIONS, things=2 * store.new)


def _monitoring(company: Company, counts: Counts) -> Iterator[Line]:
    gigabytes = log_bytes(company, counts) * DAYS / 1e9
    yield Line(group="logs", price=prices.LOGS, things=gigabytes)
    yield Line(group="alerts", price=prices.ALERT_5, things=RULES_5)
    yield Line(group="alerts", price=prices.ALERT_15, things=RULES_15)
    yield Line(group="alerts", price=prices.METRIC_ALERT, things=RULES_METRIC)
    yield Line(group="test from outside", price=prices.PROBE, things=PROBES * DAYS)


def _rest(company: Company, store: Kept) -> Iterator[Line]:
    yield Line(group="vault", price=prices.VAULT, things=SECRETS * STARTS * DAYS)
    if company.postgres:
        size = {"B1ms": prices.B1MS, "D2ds v5": prices.D2DS}[company.postgres]
        yield Line(group="PostgreSQL", price=size, things=HOURS)
        yield Line(group="PostgreSQL", price=prices.POSTGRES_GB, things=company.postgres_gb)
    if company.private:
        endpoints = 5 + company.offsite + bool(company.postgres)
        zones = 4 + bool(company.postgres)
        passed = store.new * (2 + 2 * company.offsite)
        yield Line(group="private network", price=prices.ENDPOINT, things=endpoints * HOURS)
        yield Line(group="private network", price=prices.ENDPOINT_GB, things=passed)
        yield Line(group="private network", price=prices.ZONE, things=zones)
