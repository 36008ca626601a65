"""A scrape, read as Prometheus reads it."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from shared.app import App
from shared.metrics.families import text
from shared.metrics.gathering import Sources, gathered
from shared.metrics.service import Metrics

Series = tuple[str, tuple[tuple[str, str], ...]]


def samples(content: bytes) -> list[Sample]:
    families = text_string_to_metric_families(content.decode())
    return [sample for family in families for sample in family.samples]


def series(content: bytes) -> dict[Series, float]:
    """The value of each series, by name and labels."""
    found = {(one.name, tuple(sorted(one.labels.items()))): one.value for one in samples(content)}
    assert len(found) == len(samples(content)), "a series is there twice"
    return found


def scrape(app: App, projects: frozenset[int] | None = None) -> dict[Series, float]:
    """What a scrape says now: nothing that was kept."""
    return series(text(gathered(sources(app.metrics), projects)))


def sources(metrics: Metrics) -> Sources:
    return metrics._at


def value(found: dict[Series, float], name: str, **labels: str) -> float | None:
    return found.get((name, tuple(sorted(labels.items()))))


def is_counter(one: Series) -> bool:
    gauge = one[0] == "commandcenter_schedules_total"
    return one[0].endswith(("_total", "_bucket", "_count", "_sum")) and not gauge
