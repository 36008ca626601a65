"""A problem, or a stream of events, told minute by minute by the rules alone."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from shared.alerts import rules
from shared.alerts.model import Alert, AlertState, Happening, Word
from shared.alerts.port import AlertKind

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MONITOR = 5
"""Minutes between two looks of the monitor."""


@dataclass(frozen=True)
class Said:
    """What people were told, and when."""

    at: datetime
    word: Word
    alert_id: str
    count: int
    """What they were told in all."""
    subject: str
    text: str

    @property
    def is_open(self) -> bool:
        return self.word is not Word.CLOSED


@dataclass
class Simulation:
    """One kind and subject."""

    now: datetime = START
    alert: Alert | None = None
    said: list[Said] = field(default_factory=list)
    history: list[Alert] = field(default_factory=list)

    def open(self, level: int = 0) -> None:
        self._keep(
            rules.begun(self.alert, AlertKind.CLOCK_SILENT, "x", "it is so", level, self.now)
        )

    def close(self) -> None:
        if self.alert is not None:
            self._keep(rules.ended(self.alert, "over", self.now))

    def happen(self, *abouts: str) -> None:
        events = [Happening(about=one, text=f"{one} failed", key="") for one in abouts]
        self._keep(rules.happened(self.alert, AlertKind.JOB_DEAD, events, self.now))

    def acknowledge(self, by: str) -> None:
        assert self.alert is not None
        self._keep(rules.acknowledged(self.alert, by, self.now))

    def run(self, minutes: int) -> None:
        """Let time pass; the monitor looks every five minutes."""
        for _ in range(minutes):
            self.now += MINUTE
            if (self.now - START) // MINUTE % MONITOR == 0:
                self._look()

    @property
    def is_open(self) -> bool:
        return self.alert is not None and self.alert.state is AlertState.OPEN

    @property
    def words(self) -> list[str]:
        return [one.word.value for one in self.said]

    def _look(self) -> None:
        if self.alert is None:
            return
        if rules.is_over(self.alert, self.now):
            self.history.append(self.alert)
            self.alert = None
        else:
            self._keep(self.alert)

    def _keep(self, alert: Alert) -> None:
        if self.alert is not None and self.alert.id != alert.id:
            self.history.append(self.alert)
        alert = rules.advance(alert, self.now)
        if alert.pending is not None:
            told = alert.pending
            self.said.append(
                Said(self.now, told.word, alert.id, alert.told_count, told.subject, told.text)
            )
            alert = replace(alert, pending=None)
        self.alert = alert
