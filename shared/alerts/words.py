"""What people read of an alert: (alert, word, now) -> subject and text."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from shared.alerts.kinds import KINDS
from shared.alerts.model import Alert, Telling, Word
from shared.log import instant

_SHOWN = 5
"""How many names of a group are in a message."""
_FIRST = {
    Word.OPENED: "",
    Word.AGAIN: "Again: ",
    Word.WORSE: "Worse: ",
    Word.MORE: "",
    Word.REMINDER: "Still: ",
    Word.CLOSED: "Over: ",
}


def telling(alert: Alert, word: Word, now: datetime) -> Telling:
    """What is to be told. `alert` says what was told before."""
    lines = _of_group(alert, word) if alert.is_group else _of_problem(alert, word, now)
    if word is not Word.CLOSED:
        lines = [*lines, "", f"What to do: {alert.what_to_do}"]
    lines = [*lines, "", f"{alert.severity.value}; {alert.docs}; alert {alert.id}"]
    return Telling(
        number=alert.tellings + 1,
        word=word,
        subject=f"{_FIRST[word]}{KINDS[alert.kind].title}{_subject(alert, word)}",
        text="\n".join(lines),
    )


def digest(subjects: Iterable[str], held: int, hour: datetime) -> tuple[str, str]:
    """(subject, text) of the message about alerts that a channel had no place for in an hour."""
    shown = [f"- {one}" for one in subjects]
    more = [f"- and {held - len(shown)} more"] if held > len(shown) else []
    subject = f"{held} more alerts in the hour from {hour:%H:%M} UTC"
    lines = [
        f"In the hour from {instant(hour, 'minutes')} there were more alerts than one channel "
        "gets (ALERTS_PER_HOUR). These were not sent by themselves:",
        "",
        *shown,
        *more,
        "",
        "GET /api/v1/alerts lists what is open, with its text.",
    ]
    return subject, "\n".join(lines)


def _subject(alert: Alert, word: Word) -> str:
    if not alert.is_group:
        return f": {alert.about}"
    if word is Word.CLOSED:
        return f", {alert.count} in all"
    if word is Word.OPENED:
        names = ", ".join(one.about for one in alert.names[:_SHOWN])
        return f": {names}" if alert.count == 1 else f", {alert.count} times: {names}"
    return f", {alert.count - alert.told_count} more, {alert.count} in all"


def _of_problem(alert: Alert, word: Word, now: datetime) -> list[str]:
    lines = [alert.text, ""]
    if word is Word.CLOSED:
        lines.append(f"It lasted from {_at(alert.opened_at)} to {_at(alert.since)}.")
    elif word is not Word.OPENED:
        hours = (now - alert.opened_at).total_seconds() / 3600
        lines.append(f"It began at {_at(alert.opened_at)}, {hours:.1f} hours ago.")
    if alert.count > 1:
        lines.append(f"It came and went: it began {alert.count} times.")
    if alert.acknowledged_by and word is not Word.CLOSED:
        lines.append(f"Acknowledged by {alert.acknowledged_by}.")
    return lines if lines[-1] else lines[:-1]


def _of_group(alert: Alert, word: Word) -> list[str]:
    """The names that nobody was told yet come first."""
    if word is Word.OPENED and alert.count == 1:
        return [alert.text]
    if word is Word.CLOSED:
        told = f"There was no more of it for a while: {alert.count} in all, "
        lines = [f"{told}from {_at(alert.opened_at)} to {_at(alert.since)}."]
    else:
        lines = [f"{alert.count} since {_at(alert.opened_at)}."]
    new = alert.names[alert.told_names :][:_SHOWN]
    shown = [*new, *alert.names[: alert.told_names][: _SHOWN - len(new)]]
    return [*lines, "Among them:", *(f"- {one.text}" for one in shown)]


def _at(at: datetime) -> str:
    return instant(at, "seconds")
