"""XLSX, by XlsxWriter: row by row, with one row in memory. Text is written as text and nothing
else: it is no formula, no link and no number. A sheet that is full is followed by another."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from shared.exports.formats.waiting import read
from shared.exports.kinds import Kind, Row, Value
from shared.exports.report import Report
from shared.exports.safe import clean, instant

EXTENSION = "xlsx"
CONTENT_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ROWS = 1_048_576
"""Of a sheet, its heading included (Excel's limit)."""
_CELL = 32_767
"""Characters of a cell (Excel's limit)."""
_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "nan_inf_to_errors": False,
    "remove_timezone": False,
    "use_zip64": True,
}


def pieces(report: Report, scratch: Path) -> Iterator[bytes]:
    """The file. The first sheet has the key figures; the rows are on those that follow."""
    from xlsxwriter import Workbook

    path = scratch / "book.xlsx"
    book = Workbook(str(path), {**_OPTIONS, "tmpdir": str(scratch)})
    book.set_properties(
        {
            "title": clean(report.head.title),
            "author": "Belfry",
            "created": report.head.due_at.astimezone(UTC).replace(tzinfo=None, microsecond=0),
        }
    )
    bold = book.add_format({"bold": True})
    first = book.add_worksheet("Summary")
    _rows(book, report, bold)
    _summary(first, report, bold)
    book.close()
    with path.open("rb") as file:
        yield from read(file.read)


def _summary(sheet: Any, report: Report, bold: Any) -> None:
    head = report.head
    sheet.set_column(0, 0, 30)
    sheet.set_column(1, 1, 44)
    about = [
        ("Report", head.title),
        ("Project", head.project),
        ("Period", head.span.words),
        ("As of", instant(head.due_at)),
        ("Schedule", head.schedule),
    ]
    for at, (name, value) in enumerate(about):
        sheet.write_string(at, 0, name, bold)
        sheet.write_string(at, 1, clean(value)[:_CELL])
    for at, one in enumerate(report.figures(), start=len(about) + 1):
        sheet.write_string(at, 0, one.title, bold)
        _write(sheet, at, 1, one.value, None)


def _rows(book: Any, report: Report, bold: Any) -> None:
    moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    sheet = _sheet(book, report, bold)
    at = 1
    for row in report.rows():
        if at == ROWS:
            sheet, at = _sheet(book, report, bold), 1
        _line(sheet, at, row, moment)
        at += 1


def _sheet(book: Any, report: Report, bold: Any) -> Any:
    title = report.spec.title
    number = len(book.worksheets())
    sheet = book.add_worksheet(title if number == 1 else f"{title} {number}")
    sheet.freeze_panes(1, 0)
    for at, one in enumerate(report.columns):
        sheet.set_column(at, at, max(9, one.weight + 4))
        zone = " (UTC)" if one.kind is Kind.INSTANT else ""
        sheet.write_string(0, at, f"{one.title}{zone}", bold)
    return sheet


def _line(sheet: Any, at: int, row: Row, moment: Any) -> None:
    for column, value in enumerate(row):
        _write(sheet, at, column, value, moment)


def _write(sheet: Any, at: int, column: int, value: Value, moment: Any) -> None:
    if value is None:
        return
    if isinstance(value, str):
        sheet.write_string(at, column, clean(value)[:_CELL])
    elif isinstance(value, bool):
        sheet.write_boolean(at, column, value)
    elif isinstance(value, datetime):
        naive = value.astimezone(UTC).replace(tzinfo=None)
        sheet.write_datetime(at, column, naive, moment)
    else:
        sheet.write_number(at, column, float(value) if isinstance(value, Decimal) else value)
