"""The files of a report: what they say, that nothing in them is mark-up, and that they are the same
bytes each time."""

from __future__ import annotations

import io
import json

import pytest
from pypdf import PdfReader

from shared.notifications.rendering import render
from shared.weekly import figures
from shared.weekly.formats import ReportFormat, written
from shared.weekly.mail import for_mail
from shared.weekly.model import WeeklyReport
from tests.unit.weekly.made import BAD, DUE, report

EVIL = "</td><script>alert(1)</script> | [x](javascript:1) <b>"


@pytest.fixture(scope="module")
def bad() -> WeeklyReport:
    return report(BAD, {"backups": EVIL})


def test_markdown_is_the_truth(bad: WeeklyReport) -> None:
    text = written(bad, ReportFormat.MARKDOWN).decode()
    assert text.startswith("# Weekly report 2026\\-W48\n")
    assert "| Failed runs | 112 | 11 | \\+918 % | 10\\.75 | \\+942 % |" in text
    assert "- **Alert**: Costs \\(EUR\\)&#58; 712\\.40 EUR" in text
    assert "| Costs \\(JPY\\) | 9,000 JPY |" in text
    assert text.index("GET /api/v1/jobs?status=failed") > text.index("## Recommendations")
    for one in bad.findings:
        assert f"(`{one.rule}`: {one.threshold})" in text
    assert "<script>" not in text and "](javascript" not in text


def test_the_others_say_the_same(bad: WeeklyReport) -> None:
    """Each figure of each section is in the page and on the paper."""
    html = written(bad, ReportFormat.HTML).decode()
    pages = PdfReader(io.BytesIO(written(bad, ReportFormat.PDF))).pages
    paper = " ".join(" ".join(one.extract_text() for one in pages).split())
    for part in bad.sections:
        for one in part.figures:
            said = figures.shown(one.name, one.value)
            assert f">{said}<" in html and said in paper
            assert one.title in paper
    assert html.count("<svg") == 1 and "<script>" not in html
    for found in bad.recommendations:
        assert (found.recommendation or "").split(" (")[0].split(":")[0][:30] in paper


@pytest.mark.parametrize("format", ReportFormat)
def test_the_same_report_gives_the_same_bytes(bad: WeeklyReport, format: ReportFormat) -> None:
    made = written(bad, format)
    again = WeeklyReport.model_validate_json(written(bad, ReportFormat.JSON))
    assert again == bad and written(again, format) == made
    nothing = written(report({}), format)
    assert nothing and (format is ReportFormat.PDF or b"2026-W48" in nothing.replace(b"\\", b""))


def test_numbers_are_read_back_as_they_were(bad: WeeklyReport) -> None:
    said = json.loads(written(bad, ReportFormat.JSON))
    row = [one["weeks"] for part in said["sections"] for one in part["figures"]]
    assert row == [list(BAD[one.name]) for part in bad.sections for one in part.figures]


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_mail_has_findings_figures_and_a_link(bad: WeeklyReport, language: str) -> None:
    link = "https://example.blob.core.windows.net/r/weekly/2026-W48.pdf?sig=x"
    data = for_mail(bad, link, DUE)
    assert len(json.dumps(data)) < 28_000
    content = render("weekly_report", data, language)
    assert "2026-W48" in content.subject
    for text in (content.text, content.html):
        assert "712.40 EUR" in text and "failures_doubled" in text and "2026-W48.pdf" in text
    empty = render("weekly_report", for_mail(report({}), link, DUE), language)
    assert ("Nothing stands out." if language == "en" else "Nichts fällt auf.") in empty.text
