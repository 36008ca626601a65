"""What goes over the wire to each service, and what becomes of what it answers."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest

from local.ports import HOST, free
from shared.notifications import channels
from shared.notifications.double import Reply
from shared.notifications.model import MAIL, Entry, NotificationStatus
from shared.notifications.sending import ATTEMPTS, LONGEST, PAUSES
from tests.integration.notifications.conftest import ANA, EUN, START, Office
from tests.integration.notifications.vendors import CHATS, DOUBLES, settings_of

SUBJECT = "Sicherung «Pfötchen & Co.» 犬猫 🐾 geprüft"
TEXT = "size 12 MB\n<!channel> *loud* _under_score_ & so on\n犬🐾 🐾"
MINUTE = timedelta(minutes=1)
ALL = [*CHATS, MAIL]


def test_mail_is_sendgrids_request(office: Office) -> None:
    sent = office.notifications().mail_administrators(key="k", subject=SUBJECT, text=TEXT)
    got = office.vendors.to("mail")[0]
    assert got.headers["Authorization"] == "Bearer SG.k3y-hush"
    assert got.body == {
        "from": {"email": "belfry@example.com", "name": "Belfry"},
        "personalizations": [{"to": [{"email": ANA}]}],
        "subject": SUBJECT,
        "content": [{"type": "text/plain", "value": TEXT}],
        "custom_args": {"notification_id": sent[0].id},
    }


def test_telegram_gets_plain_text_for_its_chat(office: Office) -> None:
    (sent,) = alerted(office, "telegram")
    assert office.vendors.to("telegram")[0].body == {
        "chat_id": "-100777",
        "text": f"{SUBJECT}\n\n{TEXT}",
        "link_preview_options": {"is_disabled": True},
    }
    assert sent.provider_id == "77"


def test_slack_gets_text_in_which_nothing_is_a_command(office: Office) -> None:
    alerted(office, "slack")
    body = office.vendors.to("slack")[0].body
    assert body["mrkdwn"] is False
    assert body["text"] == (
        "Sicherung «Pfötchen &amp; Co.» 犬猫 🐾 geprüft\n\n"
        "size 12 MB\n&lt;!channel&gt; *loud* _under_score_ &amp; so on\n犬🐾 🐾"
    )


def test_teams_gets_a_card_in_which_nothing_is_markdown(office: Office) -> None:
    alerted(office, "teams")
    body = office.vendors.to("teams")[0].body
    (attachment,) = body["attachments"]
    assert body["type"] == "message"
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    assert [block["inlines"][0]["text"] for block in card["body"]] == [SUBJECT, *TEXT.splitlines()]


@pytest.mark.parametrize("text", ["🐾" * 20_000, "a\n" * 15_000, '"\\' * 15_000, "&" * 30_000])
def test_a_long_text_is_cut_to_what_each_service_takes(office: Office, text: str) -> None:
    office.notifications().alert(key="long", subject=SUBJECT, text=text)
    assert {one.status for one in office.all()} == {NotificationStatus.SENT}
    assert len(office.vendors.to("telegram")[0].body["text"].encode("utf-16-le")) <= 2 * 4096
    assert len(office.vendors.to("slack")[0].body["text"]) <= 40_000
    assert int(office.vendors.to("teams")[0].headers["Content-Length"]) <= 28 * 1024


@pytest.mark.parametrize("ending", ["\r\n", "\n", "\r", "\u2028", "\x85", "\0", "\x0b"])
def test_a_subject_is_one_line(office: Office, ending: str) -> None:
    subject = f"Backup{ending}Bcc: thief@example.com{ending}{ending}body"
    office.notifications().mail_administrators(key="k", subject=subject, text="t")
    (first, _) = office.vendors.to("mail")
    assert first.body["subject"] == "Backup Bcc: thief@example.com body"
    assert first.body["personalizations"] == [{"to": [{"email": ANA}]}]


@pytest.mark.parametrize(
    "address", ["nobody", "a@b@c", "a b@c.d", "x@y.z\r\nBcc: t@e.com", "a@b.c, d@e.f", "é"]
)
def test_what_is_no_address_is_refused_and_the_others_get_theirs(
    office: Office, address: str
) -> None:
    office.administrators = (address, EUN)
    bad, good = office.notifications().mail_administrators(key="k", subject="s", text="t")
    assert (bad.status, bad.next_at) == (NotificationStatus.FAILED, None)
    assert bad.error == "sendgrid: the recipient is no e-mail address"
    assert good.status is NotificationStatus.SENT and office.vendors.mailed() == [EUN]


REFUSALS = [(vendor, status) for vendor in ALL for status in (400, 401, 403, 404, 410)]


@pytest.mark.parametrize(("vendor", "status"), REFUSALS + [(one, 302) for one in CHATS])
def test_a_refusal_is_final_and_says_why(office: Office, vendor: str, status: int) -> None:
    headers = {"Location": office.vendors.url + DOUBLES["slack"].path} if status == 302 else {}
    office.vendors.say(vendor, Reply(status, "no_such_thing", headers))
    (failed,) = alerted(office, vendor)
    assert (failed.status, failed.attempts, failed.next_at) == (NotificationStatus.FAILED, 1, None)
    assert failed.error is not None and f"answered {status}: no_such_thing" in failed.error
    assert office.later(timedelta(days=1)) == []
    assert len(office.vendors.got) == 1


@pytest.mark.parametrize("vendor", ALL)
def test_what_failed_is_tried_again_after_a_minute(office: Office, vendor: str) -> None:
    office.vendors.say(vendor, Reply(500, "oops"), Reply(503, "oops"))
    (failed,) = alerted(office, vendor)
    assert (failed.status, failed.next_at) == (NotificationStatus.FAILED, START + MINUTE)
    assert failed.error is not None and "answered 500: oops" in failed.error
    assert office.later(MINUTE - timedelta(seconds=1)) == []
    (again,) = office.later(timedelta(seconds=1))
    assert (again.status, again.next_at) == (NotificationStatus.FAILED, START + MINUTE + PAUSES[1])
    (sent,) = office.later(PAUSES[1])
    assert (sent.status, sent.attempts, sent.error) == (NotificationStatus.SENT, 3, None)


@pytest.mark.parametrize("vendor", ALL)
@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"Retry-After": "1800"}, timedelta(seconds=1800)),
        ({"Retry-After": "2"}, PAUSES[0]),
        ({"Retry-After": "999999999"}, LONGEST),
        ({"Retry-After": "-5"}, PAUSES[0]),
        ({"Retry-After": "soon"}, PAUSES[0]),
        ({}, PAUSES[0]),
    ],
)
def test_a_pause_that_is_asked_for_is_kept(
    office: Office, vendor: str, headers: dict[str, str], pause: timedelta
) -> None:
    office.vendors.say(vendor, Reply(429, "slow down", headers))
    (failed,) = alerted(office, vendor)
    assert failed.next_at == START + pause
    assert [one.status for one in office.later(pause)] == [NotificationStatus.SENT]


def test_telegram_says_its_pause_in_its_answer(office: Office) -> None:
    body = '{"ok":false,"error_code":429,"parameters":{"retry_after":700}}'
    office.vendors.say("telegram", Reply(429, body))
    (failed,) = alerted(office, "telegram")
    assert failed.next_at == START + timedelta(seconds=700)


def test_a_connector_of_teams_says_that_it_is_throttled_in_an_answer_of_200(
    office: Office,
) -> None:
    said = "failed with error: Microsoft Teams endpoint returned HTTP error 429"
    office.vendors.say("teams", Reply(200, f"Webhook message delivery {said}"))
    (failed,) = alerted(office, "teams")
    assert (failed.status, failed.next_at) == (NotificationStatus.FAILED, START + MINUTE)


@pytest.mark.parametrize("vendor", ALL)
def test_after_six_attempts_it_has_failed_for_good(office: Office, vendor: str) -> None:
    office.vendors.say(vendor, *[Reply(502)] * ATTEMPTS)
    alerted(office, vendor)
    for pause in PAUSES:
        (failed,) = office.later(pause)
    assert (failed.status, failed.attempts, failed.next_at) == (
        NotificationStatus.FAILED,
        ATTEMPTS,
        None,
    )
    assert office.later(timedelta(days=9)) == []
    assert len(office.vendors.to(vendor)) == ATTEMPTS


@pytest.mark.parametrize("vendor", ALL)
@pytest.mark.parametrize("raw", [b"", b"no HTTP at all\r\n\r\n", b"HTTP/1.1 20"])
def test_an_answer_that_is_none_is_asked_for_again(office: Office, vendor: str, raw: bytes) -> None:
    office.vendors.say(vendor, Reply(0, raw=raw))
    (failed,) = alerted(office, vendor)
    assert failed.error is not None and "did not answer" in failed.error
    assert failed.next_at == START + MINUTE
    assert [one.status for one in office.later(MINUTE)] == [NotificationStatus.SENT]


def test_who_does_not_listen_is_away(office: Office) -> None:
    (port,) = free(1)
    nobody = f"http://{HOST}:{port}"
    there = settings_of(ALL, nobody)
    done = office.notifications(**there).alert(key="down", subject="s", text="t")
    assert [(one.channel, one.status.value) for one in done] == [
        *((chat, "failed") for chat in CHATS),
        ("mail", "failed"),
        ("mail", "queued"),  # SendGrid was away for the one before
    ]
    assert {one.next_at for one in done[:-1]} == {START + MINUTE}
    assert {one.status for one in office.later(MINUTE)} == {NotificationStatus.SENT}


def test_what_is_wrong_with_one_recipient_does_not_stop_the_next(office: Office) -> None:
    office.vendors.say("mail", Reply(400, '{"errors":[{"message":"bad"}]}'))
    done = office.notifications().mail_administrators(key="k", subject="s", text="t")
    assert [one.status for one in done] == [NotificationStatus.FAILED, NotificationStatus.SENT]


def test_without_a_key_mail_is_kept_for_a_person_to_read(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    notifications = office.notifications(SENDGRID_API_KEY="", MAIL_FROM="")
    done = notifications.mail_administrators(key="k", subject=SUBJECT, text=TEXT)
    again = office.notifications(SENDGRID_API_KEY="", MAIL_FROM="").mail_administrators(
        key="k", subject=SUBJECT, text=TEXT
    )
    assert [(one.status, one.text, one.next_at) for one in done] == [
        (NotificationStatus.KEPT, TEXT, None)
    ] * 2
    assert [one.id for one in again] == [one.id for one in done]
    assert done[0].error == "mail is not set up; set SENDGRID_API_KEY and MAIL_FROM"
    assert caplog.text.count("notification_kept") == 2
    assert office.later(timedelta(days=1)) == [], "it stays, though mail is set up by now"


def test_without_administrators_there_is_still_something_to_find(office: Office) -> None:
    office.administrators = ()
    (kept,) = office.notifications().mail_administrators(key="k", subject=SUBJECT, text=TEXT)
    assert (kept.status, kept.recipient, kept.subject) == (NotificationStatus.KEPT, "", SUBJECT)
    assert kept.error is not None and "DATABASE_URL" in kept.error
    office.administrators = (ANA,)
    office.notifications().mail_administrators(key="k", subject=SUBJECT, text=TEXT)
    assert office.vendors.mailed() == [ANA]


def test_a_way_that_is_taken_away_keeps_what_waited_for_it(office: Office) -> None:
    office.vendors.say("slack", Reply(500))
    alerted(office, "slack")
    notifications = office.notifications(SLACK_WEBHOOK_URL="")
    (kept,) = notifications.flush(office.clock.advance(MINUTE))
    assert (kept.status, kept.error) == (NotificationStatus.KEPT, "slack is not set up any more")


@pytest.mark.parametrize("status", [200, 401, 500])
def test_no_secret_is_in_a_log_an_error_or_a_row(
    office: Office, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    for vendor in ALL:
        one = DOUBLES[vendor]
        echo = f"{one.secret} {one.path} {office.vendors.url}{one.path} Bearer {one.secret}"
        office.vendors.say(vendor, Reply(status, echo))
    with caplog.at_level(logging.DEBUG):
        text = "see postgresql://u:pg-hush@h/d"
        office.notifications().alert(key="k", subject=f"s {text}", text=text)
        (port,) = free(1)
        nobody = f"http://{HOST}:{port}"
        away = settings_of([one for one in ALL if one != "slack"], nobody)
        office.notifications(**away).alert(key="away", subject="s", text="t")
    said = "".join(record.getMessage() + str(record.exc_info) for record in caplog.records)
    rows = str(list(office.table().query("", top=100)))
    for line in ('"POST *** HTTP/1.1"', "'Authorization': 'Bearer ***'"):
        assert line in said, "the libraries' own logs are there"
    secrets = ["pg-hush", *(one.secret for one in DOUBLES.values())]
    assert [one for one in secrets if one in said + caplog.text + rows] == []
    assert "AccountKey" not in rows


def alerted(office: Office, vendor: str) -> list[Entry]:
    """An alert by that vendor alone: what became of it."""
    others = [one for name, of in channels.declared().items() if name != vendor for one in of]
    off: dict[str, Any] = {one.name: "" for one in others}
    office.administrators = (ANA,)
    done = office.notifications(**off).alert(key="k", subject=SUBJECT, text=TEXT)
    return [one for one in done if one.channel == vendor]
