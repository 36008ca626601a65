"""Makes the engine's parts."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime

from shared.alerts.of_engine import EngineAlerts
from shared.app.stores import Stores
from shared.clock import Clock
from shared.engine.dispatch.alarm import Alarm
from shared.engine.dispatch.backlog import Backlog
from shared.engine.dispatch.clocks import Clocks
from shared.engine.dispatch.mend import Mender
from shared.engine.dispatch.queue_clock import QueueClock
from shared.engine.dispatch.sweep import Sweep
from shared.engine.dispatch.tick import Dispatcher
from shared.engine.records.durations import Durations
from shared.engine.records.job_index import JobIndex
from shared.engine.records.job_packing import JobPacking
from shared.engine.records.lists import Lists
from shared.engine.records.neighbours import Neighbours
from shared.engine.work.execute import Executor
from shared.engine.work.lease import Lease
from shared.engine.work.limits import Limits
from shared.engine.work.metering import Metering
from shared.engine.work.outcomes import Outcomes
from shared.engine.work.pool import WorkerPool
from shared.engine.work.worker import Worker
from shared.heartbeats.own import RECONCILER, OwnHeartbeat
from shared.heartbeats.sender import Sender
from shared.heartbeats.signal import Signal
from shared.jobs.entry import Entry
from shared.listing.listing import Listing
from shared.listing.snapshots import Snapshots
from shared.outgoing import Post
from shared.settings import HeartbeatSettings, Settings
from shared.storage.blobs.container import Container
from shared.storage.blobs.job_chunks import JobChunks
from shared.storage.checked import CheckedClock
from shared.storage.queues.jobs import Message, ShardQueue
from shared.storage.queues.pulse import PulseQueue
from shared.storage.tables.heartbeats import Unsent
from shared.storage.tables.job_rows import JobRows
from shared.storage.tables.run_times import RunTimes
from shared.tasks import Registry


def dispatcher(at: Stores, clock: Clock) -> Dispatcher:
    backlog = Backlog(ShardQueue(at.connection.queue(at.names.shards)), at.locks, clock)
    return Dispatcher(at.table, at.queue, at.handed, at.meta, backlog, clock)


def heartbeats(at: Stores, post: Post, clock: Clock) -> Sender:
    def unsent(signal: Signal, when: datetime, error: str) -> None:
        if signal.schedule_id is not None:
            said = Unsent(at=when, signal=signal.kind, job_id=signal.job_id or "", error=error)
            at.unsent.put(signal.schedule_id, said)

    return Sender(clock, post, unsent)


def own_heartbeat(at: Stores, settings: HeartbeatSettings, sender: Sender) -> OwnHeartbeat:
    return OwnHeartbeat(
        url=settings.url,
        every=settings.interval,
        sender=sender,
        meta=at.meta,
        reconciler=lambda: at.table.get(RECONCILER),
    )


def clocks(
    at: Stores,
    dispatcher: Dispatcher,
    sweep: Sweep,
    alerts: EngineAlerts,
    heartbeat: OwnHeartbeat,
    held: Lease,
    clock: Clock,
) -> Clocks:
    alarm = Alarm(at.meta, alerts)
    checked = clock if isinstance(clock, CheckedClock) else None
    return Clocks(
        dispatcher=dispatcher,
        sweep=sweep,
        meta=at.meta,
        chain=QueueClock(PulseQueue(at.connection.queue(at.names.clock)), at.meta),
        alarm=alarm,
        mender=Mender(
            table=at.table,
            queue=at.queue,
            handed=at.handed,
            feed=at.feed,
            meta=at.meta,
            locks=at.locks,
            alarm=alarm,
            lease=held.length,
        ),
        invoke=lambda when: at.queue.send(Message((), clock.now()), when),
        clock=clock,
        wrong=lambda: checked.difference if checked is not None else None,
        heartbeat=heartbeat,
    )


def index_of_jobs(
    at: Stores,
    settings: Settings,
    clock: Clock,
    follow: Callable[[Sequence[Entry], Callable[[], None]], object],
) -> tuple[JobIndex, JobPacking]:
    """`follow` is told of the jobs that ended, before the feed forgets them."""
    rows = JobRows(at.connection.table(at.names.table), at.table, at.ended)
    chunks = JobChunks(Container(lambda: at.connection.container(at.names.index)))
    return (
        JobIndex(at.table, at.ended, at.handed, at.feed, rows, chunks),
        JobPacking(
            at.feed,
            rows,
            chunks,
            clock,
            settings.metrics_schedules,
            ended=at.findings.note,
            follow=follow,
        ),
    )


def listing(at: Stores, clock: Clock) -> Listing:
    container = Container(lambda: at.connection.container(at.names.index))
    return Listing(at.table, at.changed, Snapshots(container, at.meta), clock)


def neighbours(at: Stores, lists: Lists, tasks: Registry, clock: Clock) -> Neighbours:
    """What is told of a schedule among the others of its project."""
    times = RunTimes(at.connection.table(at.names.table), at.table)
    return Neighbours(lists, tasks, Durations(times, clock), clock)


def workers(
    at: Stores,
    outcomes: Outcomes,
    execute: Executor,
    limits: Limits,
    held: Lease,
    settings: Settings,
    clock: Clock,
) -> tuple[Worker, Worker, Worker]:
    """(the worker for a person's command, the one for short jobs, the one for long jobs)."""

    metering = Metering(clock, settings.prices.memory_mb / 1024)

    def pool(size: int, lasting: int) -> WorkerPool:
        return WorkerPool(
            outcomes=outcomes,
            execute=execute,
            clock=clock,
            lease=held,
            metering=metering,
            size=size,
            lasting=lasting,
        )

    def worker(pool: WorkerPool, long: bool | None) -> Worker:
        return Worker(
            table=at.table,
            queue=at.queue,
            pool=pool,
            limits=limits,
            clock=clock,
            name=lambda: secrets.token_hex(8),
            lease=held,
            long=long,
        )

    short = pool(settings.jobs_per_instance, settings.long_jobs_per_instance)
    long = pool(settings.long_jobs_per_instance, 0)
    return worker(short, None), worker(short, False), worker(long, True)
