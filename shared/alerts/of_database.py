"""Looking after the company's database: whether it answers, and has the schema that the code needs.

The app starts without it, since a start must not wait for a database, and schedules and backups do
not need it. So somebody else has to say that the company's tasks would fail (alert
`database_unfit`); `/status` reads what was found last.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from enum import StrEnum

from shared.alerts.port import AlertKind, AlertService
from shared.data import schema
from shared.errors import Misconfigured, Refused, Unavailable
from shared.settings import Secret
from shared.storage.tables.facts import Meta
from shared.tasks import JobContext

ABOUT = "DATABASE_URL"
"""What the alert is about."""
_FACT = "database"


class Fitness(StrEnum):
    """How the database was found."""

    NONE = "none"
    """DATABASE_URL is not set, or nobody has looked yet."""
    FITS = "fits"
    UNFIT = "unfit"
    """Its schema is not the one that the code needs, or it refuses the code."""
    AWAY = "away"
    """It does not answer."""


class DatabaseWatch:
    """The service. Every method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(self, url: Secret, meta: Meta, alerts: Callable[[], AlertService]) -> None:
        self._url = url
        self._meta = meta
        self._alerts = alerts

    def watch(self, job: JobContext) -> str:
        """Look, and tell people; how it was found."""
        fitness, said = self._look()
        before = last(self._meta)
        if job.dry_run or fitness is before is Fitness.NONE:
            return fitness
        if fitness in (Fitness.FITS, Fitness.NONE):
            self._alerts().close(
                AlertKind.DATABASE_UNFIT, ABOUT, "The database fits, or is not used any more."
            )
        else:
            job.log("the database does not fit", level=logging.ERROR, error=said)
            self._alerts().open(AlertKind.DATABASE_UNFIT, ABOUT, said)
        if before is not fitness:
            self._meta.put(_FACT, fitness)
        return fitness

    def _look(self) -> tuple[Fitness, str]:
        if not self._url:
            return Fitness.NONE, ""
        try:
            schema.check(self._url)
        except Unavailable as error:
            return Fitness.AWAY, str(error)
        except (Misconfigured, Refused) as error:
            return Fitness.UNFIT, str(error)
        return Fitness.FITS, ""


def last(meta: Meta) -> Fitness:
    """How it was found last. Raises as `Meta` does."""
    found = meta.value(_FACT)
    return Fitness(found) if found in set(Fitness) else Fitness.NONE
