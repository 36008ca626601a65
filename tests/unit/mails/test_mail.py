"""What a mail of a customer's own words says, and to whom: without an outbox."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.customers.mail import mail
from shared.errors import Invalid
from shared.mails import saying
from shared.mails.params import MOST_BYTES, MailParams
from shared.notifications.content import Content
from shared.notifications.kinds.customer_mail import KIND, written
from shared.notifications.linking import paragraphs, pieces
from shared.notifications.model import Entry, NotificationStatus
from shared.notifications.rendering import render
from shared.redaction import masked_address
from shared.schedules.job import effect_key, job_id
from shared.tasks import Impact

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
RUN = "w0a1b2c3d4e5f6g7"


def params(**changes: Any) -> MailParams:
    given_ = {"to": ["ana@example.org"], "subject": "Hello", "text": "Welcome."} | changes
    parsed = mail.parse(given_)
    assert isinstance(parsed, MailParams)
    return parsed


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"to": []}, "to"),
        ({"to": ["nobody"]}, "to"),
        ({"to": ["a@example.org\r\nBcc: b@example.org"]}, "to"),
        ({"to": [f"{n}@example.org" for n in range(51)]}, "to"),
        ({"subject": "Hello\r\nBcc: eve@example.org"}, "subject"),
        ({"subject": "Hello\x85Bcc: eve@example.org"}, "subject"),
        ({"subject": "   "}, "subject"),
        ({"subject": "x" * 151}, "subject"),
        ({"text": "\n \n"}, "text"),
        ({"text": "x" * 20_001}, "text"),
        ({"text": "\u00fc" * (MOST_BYTES // 6 + 1)}, "text"),
        ({"text": "half \ud800 a pair"}, "text"),
        ({"reply_to": "a@example.org, b@example.org"}, "reply_to"),
        ({"attach_export": "../8/secret"}, "attach_export"),
        ({"link_hours": 169}, "link_hours"),
        ({"html": "<b>"}, "html"),
    ],
)
def test_what_is_no_mail_is_refused_by_its_field(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        params(**wrong)
    assert caught.value.field.startswith(f"task_parameters.{field}")


def test_a_person_approves_it_and_a_batch_does_not_call_it() -> None:
    from shared.batch.operations import hold_callable

    assert mail.impact is Impact.C
    with pytest.raises(Invalid, match="a person approves each job of mail"):
        hold_callable(mail)


@pytest.mark.parametrize(
    ("schedule", "job", "key"),
    [
        (f"{RUN}_s3", job_id(f"{RUN}_s3", AT), f"{RUN}_s3"),
        (f"{RUN}_s3_12", job_id(f"{RUN}_s3_12", AT), f"{RUN}_s3_12"),
        (f"{RUN}_s3g2", job_id(f"{RUN}_s3g2", AT), f"{RUN}_s3"),
        (f"{RUN}_s3g2", job_id(f"{RUN}_s3g2", AT, "r1"), f"{RUN}_s3"),
        ("news", job_id("news", AT), "news-20260301T090000Z"),
        ("news", job_id("news", AT, "r2"), "news-20260301T090000Z"),
        ("news", job_id("news", AT, "k3f9"), "news-20260301T090000Z-k3f9"),
        ("news", job_id("news", AT, "k3f9r1"), "news-20260301T090000Z-k3f9"),
        ("going2", job_id("going2", AT), "going2-20260301T090000Z"),
    ],
)
def test_an_effect_has_one_key_however_often_it_is_attempted(
    schedule: str, job: str, key: str
) -> None:
    assert effect_key(schedule, job) == key


def test_items_of_a_batch_have_keys_of_their_own() -> None:
    job = job_id("news", AT)
    assert effect_key("news", job, "a.1") != effect_key("news", job, "a.2") != job


@given(st.text(alphabet=st.sampled_from("htps:/.x<>\"'&() \n\u202eé,")))
def test_the_pieces_of_a_text_are_the_text(text: str) -> None:
    for line in text.split("\n"):
        assert "".join(shown for shown, _ in pieces(line)) == line
    for url in (url for part in paragraphs(text) for line in part for _, url in line if url):
        assert url.startswith(("http://", "https://")) and not set(url) & set("<>\"'\n ")


@pytest.mark.parametrize(
    ("line", "urls"),
    [
        ("see https://example.com/a?b=1&c=2.", ["https://example.com/a?b=1&c=2"]),
        ("(https://example.com/a_(b)), then", ["https://example.com/a_(b)"]),
        ("javascript:alert(1) data:text/html,x", []),
        ("HTTPS://example.com", ["HTTPS://example.com"]),
        ("https://", []),
        ("https://\u0430pple.com", []),
        ("http://a.example http://b.example", ["http://a.example", "http://b.example"]),
    ],
)
def test_only_what_leads_where_it_says_is_a_link(line: str, urls: list[str]) -> None:
    assert [url for _, url in pieces(line) if url] == urls


@given(st.text(max_size=300))
def test_any_text_is_escaped_and_says_the_same_in_both_forms(text: str) -> None:
    """As plain text its words are as they were written; in HTML no markup is."""
    shown = written(text)
    if not shown:
        return
    content = render("customer_mail", dict(KIND.sample) | {"text": text, "file": None}, "en")
    assert content.text.startswith(shown.strip()[:1]) and "\u202e" not in content.text
    body = content.html.partition("<body")[2]
    assert "<script" not in body.lower() and body.count("<table") == 1


def test_hostile_words_stay_words() -> None:
    hostile = {
        "subject": "<b>Hi</b>\r\nBcc: eve@example.org {{ words }}",
        "text": '<script>alert(1)</script>{{ 7 * 7 }}\n\nhttps://x.example/"onclick="alert(1)',
        "schedule": "<img src=x onerror=alert(1)>",
        "file": None,
    }
    content = render("customer_mail", dict(KIND.sample) | hostile, "en")
    assert content.subject == "<b>Hi</b> Bcc: eve@example.org {{ words }}"
    assert "{{ 7 * 7 }}" in content.text and "&lt;script&gt;" in content.html
    assert "<script" not in content.html and "<img" not in content.html
    assert '<a href="https://x.example/">' in content.html and 'onclick="' not in content.html
    assert content.reply_to == "help@example.com"


def test_the_longest_text_is_not_clipped_by_mail_programs() -> None:
    for text in ("<" * 20_000, "a b\n\n" * 4_000, "http://a.example/ " * 1_100):
        html = render("customer_mail", dict(KIND.sample) | {"text": text}, "en").html
        assert html.rstrip().endswith("</html>")


def test_what_is_approved_is_shown_without_whose_addresses_they_are() -> None:
    to = [f"person{n}@example.org" for n in range(30)]
    shown = saying.preview(
        params(to=to, reply_to="help@example.org"), Content(subject="Hello", text="W"), None
    )
    assert (shown.title, shown.recipient_count, len(shown.recipients)) == (
        "Mail to 30 addresses",
        30,
        20,
    )
    assert shown.recipients[0] == "p***@example.org" == masked_address(to[0])
    assert "person" not in str(shown)
    assert shown.facts == {"Subject": "Hello", "Answers go to": "help@example.org"}
    others = [*to[:-1], "eve@example.org"]
    assert saying.digest_of(to) == saying.digest_of([one.upper() for one in reversed(to)])
    assert saying.digest_of(to) != saying.digest_of(others)


def test_an_address_counts_once() -> None:
    twice = params(to=["Ana@example.org", "bo@example.org", "ana@EXAMPLE.org"])
    assert saying.recipients(twice) == ["Ana@example.org", "bo@example.org"]


@pytest.mark.parametrize(
    ("ends", "counts", "in_vain"),
    [
        ([("sent", False), ("delivered", False)], (2, 0, 0), False),
        ([("sent", False), ("failed", False), ("failed", True)], (1, 1, 1), False),
        ([("queued", True)], (0, 1, 0), False),
        ([("failed", False), ("kept", False)], (0, 0, 2), True),
        ([], (0, 0, 0), False),
    ],
)
def test_what_the_job_says_of_its_mails(
    ends: list[tuple[str, bool]], counts: tuple[int, int, int], in_vain: bool
) -> None:
    entries = [
        Entry(
            key="k",
            channel="mail",
            recipient=f"{n}@example.org",
            subject="s",
            text="t",
            id=str(n),
            status=NotificationStatus(status),
            created_at=AT,
            next_at=AT if again else None,
            error="no",
        )
        for n, (status, again) in enumerate(ends)
    ]
    said = saying.result(entries)
    assert (said["sent"], said["waiting"], said["failed"]) == counts
    assert saying.in_vain(entries) == ("no" if in_vain else None)
