"""A reading in Prometheus' text format.

The names without `belfry_` are those that dashboards and alert rules use already (C18), and may not
change. https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from shared.jobs.totals import LASTED, LATE, Figures, Histogram
from shared.metrics.reading import Engine, Load, Reading
from shared.schedules.job import ENDED, RAN, Status

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

OTHERS = "_others"
"""Stands for the id of all schedules that have no series of their own. No id begins like this."""
_ENDINGS = tuple(status for status in Status if status in ENDED)


def text(reading: Reading) -> bytes:
    """The whole answer to a scrape."""
    from prometheus_client.exposition import generate_latest

    return generate_latest(_Collected(lambda: _families(reading)))


def content_type() -> str:
    """The type of `text`."""
    from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

    return CONTENT_TYPE_PLAIN_0_0_4


class _Collected:
    """Gives its families to prometheus-client: no registry, and nothing of the process itself."""

    def __init__(self, families: Callable[[], Iterator[Metric]]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """All families."""
        return self._families()


def _families(reading: Reading) -> Iterator[Metric]:
    named = {**reading.schedules, OTHERS: reading.rest}
    yield _ended(
        "commandcenter_schedule_runs",
        "Occurrences and requests that ended, by schedule and by how they ended.",
        "schedule_id",
        named,
    )
    yield _histogram(
        "commandcenter_schedule_execution_duration_seconds",
        "How long runs that succeeded or failed lasted: the last attempt of each.",
        LASTED,
        {name: one.lasted for name, one in named.items()},
    )
    yield _gauge(
        "commandcenter_schedules_total",
        "Schedules that are enabled and disabled; those of single requests are left out.",
        {"enabled": reading.enabled, "disabled": reading.disabled},
        "status",
    )
    yield _gauge(
        "commandcenter_schedules_due",
        "Schedules whose next run is due and not handed out yet.",
        reading.due,
    )
    rates = {name: one.success_rate for name, one in reading.schedules.items()}
    yield _gauge(
        "schedule_success_rate",
        "The share of a schedule's runs that succeeded, from 0 to 1, of all there were.",
        {name: rate for name, rate in rates.items() if rate is not None},
        "schedule_id",
    )
    began = {name: one.began for name, one in reading.schedules.items()}
    yield _gauge(
        "schedule_last_run_timestamp",
        "When a schedule's last run began, in seconds since 1970.",
        {name: at for name, at in began.items() if at is not None},
        "schedule_id",
    )
    yield _gauge(
        "belfry_schedules_overdue",
        "Schedules whose next run has been due for more than a minute, and is not handed out.",
        reading.overdue,
    )
    yield _ended(
        "belfry_jobs",
        "Occurrences and requests that ended, by task and by how they ended.",
        "task_type",
        reading.tasks,
    )
    yield _ended(
        "belfry_backfill_jobs",
        "Jobs of backfills that ended, by task and by how they ended; in no other metric of runs.",
        "task_type",
        reading.backfills,
    )
    if reading.engine is not None:
        yield from _of_engine(reading.engine)


def _of_engine(engine: Engine) -> Iterator[Metric]:
    if engine.tick_age is not None:
        yield _gauge("belfry_tick_age_seconds", "How long ago any clock ticked.", engine.tick_age)
    yield _gauge(
        "belfry_clock_age_seconds", "How long ago each clock ticked.", engine.clocks, "clock"
    )
    yield _histogram(
        "belfry_job_lateness_seconds",
        "How late runs began, counted from their effective time.",
        LATE,
        {None: engine.late},
    )
    yield _counter("belfry_dead_letters", "Jobs that used up their attempts.", engine.dead_letters)
    yield _counter(
        "belfry_leases_taken_over",
        "How often a job was taken over because its worker was gone; counted when the job ended.",
        engine.taken_over,
    )
    yield _gauge(
        "belfry_queue_messages", "About how many messages a queue holds.", engine.queues, "queue"
    )
    yield _gauge("belfry_alerts_open", "Alerts that are open, by kind.", engine.alerts, "kind")
    yield _gauge(
        "belfry_notifications_pending",
        "Notifications in the outbox that wait for their time, or are due.",
        {"due" if due else "waiting": count for due, count in engine.notifications.items()},
        "state",
    )
    yield _gauge(
        "belfry_job_feed_jobs", "Jobs that ended and are not packed into the index.", engine.feed
    )
    if engine.load is not None:
        yield from _of_load(engine.load)


def _of_load(load: Load) -> Iterator[Metric]:
    yield _gauge(
        "belfry_requests_per_minute",
        "HTTP requests of all instances in the median of five minutes.",
        load.requests_per_minute,
    )
    if load.p95_seconds is not None:
        yield _gauge(
            "belfry_request_latency_seconds",
            "How long a share of the requests took at most.",
            {"0.95": load.p95_seconds},
            "quantile",
        )
    yield _gauge(
        "belfry_queue_wait_seconds",
        "How long the message that has waited longest has been due.",
        load.queue_wait_seconds,
    )
    yield _gauge(
        "belfry_scaling_verdict",
        "What the scaling policy says: -1 down, 0 keep, 1 up, 2 emergency.",
        load.verdict,
    )


def _ended(name: str, said: str, label: str, named: Mapping[str, Figures]) -> Metric:
    """A counter by `label` and status. Both ways in which runs end are there from the beginning, so
    that a first failure is seen as a rise."""
    from prometheus_client.metrics_core import CounterMetricFamily

    made = CounterMetricFamily(name, said, labels=[label, "status"])
    for key, one in sorted(named.items()):
        for status in _ENDINGS:
            if status in one.ended or status in RAN:
                made.add_metric([key, status.value], one.ended.get(status, 0))
    return made


def _counter(name: str, said: str, value: int) -> Metric:
    from prometheus_client.metrics_core import CounterMetricFamily

    return CounterMetricFamily(name, said, value=value)


def _gauge(
    name: str, said: str, values: float | Mapping[str, float], label: str | None = None
) -> Metric:
    from prometheus_client.metrics_core import GaugeMetricFamily

    made = GaugeMetricFamily(name, said, labels=[label] if label else [])
    if isinstance(values, Mapping):
        for key, value in sorted(values.items()):
            made.add_metric([key], value)
    else:
        made.add_metric([], values)
    return made


def _histogram(
    name: str,
    said: str,
    bounds: Sequence[float],
    named: Mapping[str, Histogram] | Mapping[None, Histogram],
) -> Metric:
    """A histogram by schedule, or one without a label."""
    from prometheus_client.metrics_core import HistogramMetricFamily
    from prometheus_client.utils import floatToGoString

    made = HistogramMetricFamily(name, said, labels=[] if None in named else ["schedule_id"])
    marks = [*map(floatToGoString, bounds), "+Inf"]
    for key, one in sorted(named.items(), key=lambda item: str(item[0])):
        buckets = list(zip(marks, one.cumulative(), strict=True))
        made.add_metric([] if key is None else [key], buckets, sum_value=one.total)
    return made
