"""One HTML page: nothing is loaded, no script runs, and it prints well. All text is escaped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from shared.exports.formats.shown import Shown
from shared.exports.formats.waiting import Waiting
from shared.exports.kinds import Column, Kind, Row
from shared.exports.report import Report
from shared.exports.safe import html, instant
from shared.exports.tally import Bar
from shared.recurrence import zone

EXTENSION = "html"
CONTENT_TYPE = "text/html; charset=utf-8"
_ROWS = 1_000
STYLE = """
body{font:15px/1.45 system-ui,"Segoe UI",Roboto,Verdana,sans-serif;color:#1d2733;margin:2rem auto;
max-width:78rem;padding:0 1.25rem}
header{border-bottom:3px solid #1f5fa8;padding-bottom:.75rem}
h1{font-size:1.7rem;margin:0}h2{font-size:1.15rem;margin:2rem 0 .5rem}
.about,footer{color:#566373}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(9.5rem,1fr));gap:.75rem}
dl div{background:#f2f6fa;border-radius:6px;padding:.6rem .8rem}
dt{color:#566373;font-size:.8rem}dd{margin:0;font-size:1.3rem;font-variant-numeric:tabular-nums}
table{border-collapse:collapse;width:100%;font-size:.85rem}
th{background:#1f5fa8;color:#fff;text-align:left}
th,td{padding:.35rem .55rem;border-bottom:1px solid #dde4ec;vertical-align:top;
overflow-wrap:break-word;max-width:22rem}
th,.n,.k{white-space:nowrap}
.wide{overflow-x:auto}
tr:nth-child(even) td{background:#f7f9fc}.n{text-align:right;font-variant-numeric:tabular-nums}
svg{max-width:100%;height:auto;margin:1rem 0}.bad{color:#c2410c}
@media print{.wide{overflow:visible}th,td{white-space:normal;overflow-wrap:anywhere}
body{margin:0;max-width:none;font-size:10pt}thead{display:table-header-group}
tr{break-inside:avoid}th{background:#fff;color:#000;border-bottom:2px solid #000}}
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def pieces(report: Report, scratch: Path) -> Iterator[bytes]:
    """The file."""
    shown = Shown(zone.find(report.head.span.timezone))
    styles = [_style(one) for one in report.columns]
    with Waiting(scratch / "table") as table:
        for some in report.pages(_ROWS):
            table.write("".join(_line(row, styles, shown) for row in some))
        yield _top(report, shown).encode()
        yield from table.read()
    said = f"{report.written:,} rows. As of {instant(report.head.due_at)}."
    yield f"</tbody></table></div>\n<footer><p>{said}</p></footer>\n</body></html>\n".encode()


def _top(report: Report, shown: Shown) -> str:
    head = report.head
    figures = "".join(
        f"<div><dt>{html(one.title)}</dt><dd>{html(shown(one.value))}</dd></div>\n"
        for one in report.figures()
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{html(head.title)}</title><style>{STYLE}</style></head>\n<body>\n"
        f"<header><h1>{html(head.title)}</h1>\n"
        f'<p class="about">{html(head.project)} &middot; {html(head.span.words)} &middot; '
        f"by the schedule {html(head.schedule)}</p></header>\n"
        f"<dl>\n{figures}</dl>\n{chart(report.chart())}"
        f'<div class="wide" tabindex="0">'
        f"<table><thead><tr>{''.join(map(_heading, report.columns))}</tr></thead>\n<tbody>\n"
    )


def _style(column: Column) -> str:
    """The class of its cells: numbers stand on the right, times are not broken."""
    if column.kind in (Kind.NUMBER, Kind.DECIMAL):
        return ' class="n"'
    return ' class="k"' if column.kind is Kind.INSTANT else ""


def _heading(column: Column) -> str:
    return f'<th scope="col"{_style(column)}>{html(column.title)}</th>'


def _line(row: Row, styles: Sequence[str], shown: Shown) -> str:
    cells = (
        f"<td{style}>{html(value if isinstance(value, str) else shown(value))}</td>"
        for value, style in zip(row, styles, strict=True)
    )
    return f"<tr>{''.join(cells)}</tr>\n"


def chart(bars: Sequence[Bar]) -> str:
    """Stacked bars, the good below the bad; none of nothing."""
    most = max((one.good + one.bad for one in bars), default=0)
    if not most:
        return ""
    slot, shown = 900 / len(bars), max(1, -(-len(bars) // 16))
    drawn = []
    for at, one in enumerate(bars):
        wide = min(slot * 0.76, 56)
        x, good, bad = (at + 0.5) * slot, 140 * one.good / most, 140 * one.bad / most
        total = f"{html(one.label)}: {one.good + one.bad} ({one.bad} bad)"
        drawn.append(
            f'<g><title>{total}</title><rect x="{x - wide / 2:.1f}" y="{160 - good:.1f}" '
            f'width="{wide:.1f}" height="{good:.1f}" fill="#1f5fa8"/><rect '
            f'x="{x - wide / 2:.1f}" y="{160 - good - bad:.1f}" width="{wide:.1f}" '
            f'height="{bad:.1f}" fill="#c2410c"/></g>'
        )
        if at % shown == 0:
            drawn.append(
                f'<text x="{x:.1f}" y="178" text-anchor="middle" font-size="12" '
                f'fill="#566373">{html(one.label)}</text>'
            )
    return (
        '<svg viewBox="0 0 900 185" role="img" aria-label="Counts; orange is bad">'
        f'<text x="0" y="11" font-size="12" fill="#566373">{most:,}</text>'
        '<text x="900" y="11" text-anchor="end" font-size="12" fill="#c2410c">'
        "failed, missed or the like</text>"
        '<path d="M0 160.5H900M0 20.5H900" stroke="#dde4ec"/>'
        f"{''.join(drawn)}</svg>\n"
    )
