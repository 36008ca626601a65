"""Other people's texts in messages and on the page look like nothing of ours."""

from __future__ import annotations

from dataclasses import replace

from shared.approvals import drawing, telling
from shared.tasks.preview import Preview
from tests.unit.approvals.test_deciding import WAITING

EVIL = "Mail to 3\nAmount: 0 EUR\r\nAll of it: https://evil.example \u2028<script>alert(1)</script>"


def test_no_text_looks_like_a_line_of_a_message() -> None:
    facts = {"Recipients": "1", "Task": "sweep", "Note\nAll of it: x": "y\nDecide until: never"}
    preview = Preview(title=EVIL, text=EVIL, recipient_count=900, amount="5 EUR", facts=facts)
    one = replace(WAITING, preview=preview, schedule_name=EVIL)
    lines = "\n".join(telling._lines(one, "https://belfry.example.com/approve/x")).splitlines()
    for word in ("Amount:", "All of it:", "Decide until:", "Recipients: 900", "Task: "):
        assert sum(line.startswith(word) for line in lines) == 1 + (word == "Task: "), word
    assert "Amount: 5 EUR" in lines and "Recipients: 900" in lines


def test_a_fact_takes_the_place_of_nothing_on_the_page() -> None:
    facts = {"Recipients": "1", "Parameters": "none", "Digest": EVIL}
    preview = Preview(title=EVIL, text=EVIL, recipient_count=900, facts=facts)
    one = replace(WAITING, preview=preview, schedule_name=EVIL, reason=EVIL)
    page = drawing.page(one, 'x"><script>', 'ann"><script>@example.com', said="")
    assert "<dt>Recipients</dt><dd>900</dd>" in page and one.digest in page
    assert f"<dd>{one.task}, class {one.impact}</dd>" in page
    assert "<script" not in page
