"""One HTML page that loads nothing and runs nothing, in the exporter's style."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from shared.exports.formats.html import POLICY, STYLE, chart
from shared.exports.kinds import Column, Kind
from shared.exports.safe import html, instant
from shared.weekly import figures
from shared.weekly.formats import rows
from shared.weekly.model import Finding, Part, WeeklyReport


def written(report: WeeklyReport) -> bytes:
    """The file."""
    return "\n".join([*_head(report), *_body(report), "</body></html>\n"]).encode()


def _head(report: WeeklyReport) -> Iterator[str]:
    yield (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{html(report.title)}</title><style>{STYLE}</style></head>\n<body>"
    )
    yield f"<header><h1>{html(report.title)}</h1>"
    yield f'<p class="about">{html(rows.about(report))}</p></header>'


def _body(report: WeeklyReport) -> Iterator[str]:
    cards = "".join(
        f"<div><dt>{html(one.title)}</dt><dd>{html(figures.shown(one.name, one.value))}</dd></div>"
        for one in rows.keys(report)
    )
    yield f"<dl>{cards}</dl>"
    yield chart(rows.bars(report))
    yield "<h2>Highlights</h2>"
    yield from _list("ul", map(_highlight, report.findings))
    if not report.findings:
        yield f"<p>{html(rows.NOTHING)}</p>"
    if report.recommendations:
        yield "<h2>Recommendations</h2>"
        yield from _list("ol", map(_recommendation, report.recommendations))
    for part in report.sections:
        yield from _section(part)
    yield "<h2>The weeks</h2>"
    lines = [one for part in report.sections for one in rows.weeks(part)]
    yield from _table(rows.week_columns(report), lines)
    yield f"<footer><p>{html(rows.ZONE)} As of {instant(report.due_at)}.</p></footer>"


def _list(tag: str, items: Iterable[str]) -> Iterator[str]:
    found = [f"<li>{one}</li>" for one in items]
    if found:
        yield f"<{tag}>{''.join(found)}</{tag}>"


def _highlight(one: Finding) -> str:
    mark = "" if one.good else ' class="bad"'
    return f"<strong{mark}>{rows.sign(one)}</strong>: {html(one.text)}"


def _recommendation(one: Finding) -> str:
    why = f'<br><span class="about">{html(one.figure)}: {html(rows.because(one))}</span>'
    return html(one.recommendation or "") + why


def _section(part: Part) -> Iterator[str]:
    yield f"<h2>{html(part.title)}</h2>"
    if part.note is not None:
        yield f'<p class="about">{html(part.note)}</p>'
    if part.figures:
        yield from _table(rows.COLUMNS, [rows.line(one) for one in part.figures])


def _table(columns: Sequence[Column], lines: Iterable[Sequence[str]]) -> Iterator[str]:
    styles = [' class="n"' if one.kind is Kind.NUMBER else "" for one in columns]
    head = "".join(
        f'<th scope="col"{style}>{html(one.title)}</th>'
        for one, style in zip(columns, styles, strict=True)
    )
    yield f'<div class="wide" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>'
    for line in lines:
        cells = zip(line, styles, strict=True)
        yield f"<tr>{''.join(f'<td{style}>{html(one)}</td>' for one, style in cells)}</tr>"
    yield "</tbody></table></div>"
