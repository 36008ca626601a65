"""(what is expected, what came back) -> what that means. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shared.outgoing import Answer
from shared.probes import json_paths
from shared.probes.model import SAID, Measured, Standing
from shared.probes.params import HealthCheck

BODY = 256 * 1024
"""Bytes of an answer's body that are looked at."""


def down(said: str, milliseconds: float | None = None, **facts: str | int | float) -> Measured:
    """It is not as expected, or did not answer."""
    return Measured(status=Standing.DOWN, milliseconds=milliseconds, said=said[:SAID], facts=facts)


def passed(wanted: HealthCheck, milliseconds: float, **facts: str | int | float) -> Measured:
    """It is as expected; slow, if it took that long."""
    most = wanted.slow_after_ms
    if most is not None and milliseconds > most:
        said = f"it took {milliseconds:.0f} ms; more than {most} is slow"
        return Measured(status=Standing.DEGRADED, milliseconds=milliseconds, said=said, facts=facts)
    return Measured(status=Standing.UP, milliseconds=milliseconds, facts=facts)


def of_answer(wanted: HealthCheck, answer: Answer) -> Measured:
    """What an HTTP answer means."""
    took = answer.ended_after * 1000
    for check in (_status, _header, _text, _json):
        for wrong in check(wanted, answer):
            return down(wrong, took, http_status=answer.status)
    return passed(wanted, took, http_status=answer.status)


def of_records(wanted: HealthCheck, found: Sequence[str], milliseconds: float) -> Measured:
    """What the answers of a name server mean."""
    there = {_folded(one) for one in found}
    for one in wanted.record_values:
        if _folded(one) not in there:
            said = ", ".join(found[:5]) or "none"
            return down(f"{one} is not among the answers ({said:.200})", milliseconds)
    return passed(wanted, milliseconds, answers=len(found))


def of_value(wanted: HealthCheck, found: str | None, milliseconds: float) -> Measured:
    """What the value that a database returned means; None: no row."""
    if wanted.query_value is not None and found != wanted.query_value:
        said = "no row" if found is None else repr(found[:100])
        return down(f"the query returned {said}, and not {wanted.query_value!r}", milliseconds)
    return passed(wanted, milliseconds)


def of_certificate(
    wanted: HealthCheck, days_left: int, untrusted: str, milliseconds: float
) -> Measured:
    """What a server's certificate means. `untrusted`: why it is not; empty if it is good."""
    if untrusted:
        return down(f"its certificate is not good: {untrusted}", milliseconds, days_left=days_left)
    if days_left < wanted.days_left:
        said = f"its certificate is good for {days_left} days, and not for {wanted.days_left}"
        return down(said, milliseconds, days_left=days_left)
    return passed(wanted, milliseconds, days_left=days_left)


def _status(wanted: HealthCheck, answer: Answer) -> Iterator[str]:
    if not any(int(one[:3]) <= answer.status <= int(one[-3:]) for one in wanted.statuses):
        yield f"it answered {answer.status}, and not {', '.join(wanted.statuses)}"


def _header(wanted: HealthCheck, answer: Answer) -> Iterator[str]:
    if not wanted.header:
        return
    values = [text for name, text in answer.headers if name.lower() == wanted.header.lower()]
    if not values:
        yield f"it has no header {wanted.header}"
    elif not any(wanted.header_contains in text for text in values):
        yield f"its header {wanted.header} does not contain {wanted.header_contains!r}"


def _text(wanted: HealthCheck, answer: Answer) -> Iterator[str]:
    if (wanted.contains or wanted.lacks) and (coding := _coding(answer)):
        yield f"its body is compressed ({coding:.20}), though that was not asked for"
    elif wanted.contains and wanted.contains.encode() not in answer.body:
        yield f"its body does not contain {wanted.contains!r}{_if_cut(answer)}"
    elif wanted.lacks and wanted.lacks.encode() in answer.body:
        yield f"its body contains {wanted.lacks!r}"
    elif wanted.lacks and answer.cut:
        yield f"its body is longer than {BODY} bytes, so nobody knows what it does not contain"


def _json(wanted: HealthCheck, answer: Answer) -> Iterator[str]:
    if not wanted.json_path:
        return
    if answer.cut:
        yield f"its JSON is longer than {BODY} bytes"
        return
    try:
        there, found = json_paths.value(wanted.json_path, answer.body)
    except ValueError as error:
        yield str(error)
        return
    if not there:
        yield f"its JSON has nothing at {wanted.json_path}"
    elif wanted.json_value is not None and found != wanted.json_value:
        yield f"{wanted.json_path} is {found!r:.100}, and not {wanted.json_value!r}"


def _coding(answer: Answer) -> str:
    coding = (answer.header("Content-Encoding") or "").strip().lower()
    return "" if coding == "identity" else coding


def _if_cut(answer: Answer) -> str:
    return f", in its first {BODY} bytes" if answer.cut else ""


def _folded(text: str) -> str:
    """Names are the same in capitals or not, with the last dot or without."""
    return text.strip().rstrip(".").lower()
