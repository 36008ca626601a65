"""Links in mail and chat: a page, a click, and nothing without one."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from local.azurite import Azurite
from shared.approvals.model import Answer, ApprovalStatus
from shared.approvals.upkeep import KEPT
from tests.integration.approvals.desk import ANN, CID, Desk, desk_of
from tests.integration.approvals.test_gate import DAILY
from tests.integration.approvals.test_races import MANY

HERE = {"PUBLIC_BASE_URL": "https://belfry.example.com"}


@pytest.fixture
def desk(azurite: Azurite) -> Desk:
    return desk_of(azurite, MANY | HERE)


def test_a_link_shows_everything_and_a_click_decides_once(desk: Desk) -> None:
    words = "Dear customer, <script>alert(1)</script> & goodbye"
    waiting = desk.asked(desk.schedule(recurrence=DAILY, task_parameters={"text": words}))
    mails = [one for one in desk.engine.app.notifications().page(None, "mail", 1, 9)[0]]
    assert sorted(one.recipient for one in mails) == ["cid@example.com", "dan@example.com"]
    (told,) = [one for one in mails if one.recipient == CID.name]
    assert waiting.preview.title in told.subject and waiting.requested_by in told.text
    link = desk.link(waiting, CID.name)
    assert f"https://belfry.example.com{link}" in told.text

    for method in ("GET", "HEAD") * 3:  # whoever follows links decides nothing
        seen = desk.ask(method, link)
        assert seen.status_code == 200 and desk.approvals.store.get(waiting.id).pending
    page = desk.ask("GET", link)
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script" not in policy
    assert page.headers["cache-control"] == "no-store" and "<script" not in page.text
    for said in ("3 customers", "Dear customer, &lt;script&gt;", "bob@example.com", waiting.digest):
        assert said in page.text, said

    none = desk.ask("POST", link, data={"answer": "approve", "digest": waiting.digest})
    other = desk.click(desk.link(waiting, "dan@example.com"), "approve", page.text)
    cross = desk.ask(
        "POST",
        link,
        data=dict(re.findall(r'name="(form|digest)" value="([^"]+)"', page.text))
        | {"answer": "approve"},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert [one.status_code for one in (none, other, cross)] == [403, 403, 403]
    assert desk.approvals.store.get(waiting.id).pending

    done = desk.click(link, "reject", page.text, reason="Wrong month")
    assert done.status_code == 200 and "was rejected by cid@example.com" in done.text
    again = desk.click(link, "approve", page.text)
    assert again.status_code == 409 and "Wrong month" in again.text
    late = desk.ask("GET", link)
    assert "was rejected" in late.text and "<form" not in late.text
    assert desk.approvals.store.get(waiting.id).votes[0].how == "link"


def test_a_link_that_is_of_nobody_who_may_decide(desk: Desk) -> None:
    waiting = desk.asked(desk.schedule(recurrence=DAILY))
    good = desk.link(waiting, CID.name)
    page = desk.ask("GET", good).text
    for path in (good[:-2], good + "x", "/approve/x", "/approve/.", good.replace(".", "..")):
        assert desk.ask("GET", path).status_code == 404, path
        assert desk.click(path, "approve", page).status_code == 404, path
    for recipient in (ANN.name, "stranger@example.com", ""):  # asked; not an approver; a chat
        link = desk.link(waiting, recipient)
        assert "<form" not in desk.ask("GET", link).text
        assert desk.click(link, "approve", page).status_code == 403
    assert desk.approvals.store.get(waiting.id).pending
    desk.engine.later(50 * 86_400)
    assert desk.ask("GET", good).status_code == 404


def test_what_changed_since_the_page_was_opened_is_not_approved(desk: Desk) -> None:
    waiting = desk.asked(desk.schedule(recurrence=DAILY))
    link = desk.link(waiting, CID.name)
    page = desk.ask("GET", link).text.replace(waiting.digest, "0" * 64)
    assert desk.click(link, "approve", page).status_code == 403
    assert desk.approvals.store.get(waiting.id).pending


def test_the_api_by_the_contracts_paths(desk: Desk) -> None:
    first = desk.asked(desk.schedule(recurrence=DAILY, project_id=1))
    desk.engine.later(1)
    second = desk.asked(desk.schedule(recurrence=DAILY, project_id=2))
    both = desk.ask("GET", "/api/approvals").json()
    assert [one["id"] for one in both["approvals"]] == [second.id, first.id]
    assert both["total"] == 2
    (one,) = desk.ask("GET", "/api/approvals?tenant_id=1").json()["approvals"]
    assert (one["status"], one["impact"], one["tenant_id"]) == ("pending", "C", 1)
    assert "class" not in desk.ask("GET", f"/api/v1/jobs/{first.job_id}").json()
    assert first.id in desk.ask("GET", f"/api/v1/jobs/{first.job_id}").json()["held"]
    whole = desk.ask("GET", f"/api/v1/approvals/{first.id}").json()
    assert whole["preview"]["text"] == "Hello" and whole["task_parameters"]["text"] == "Hello"
    path = f"/api/approvals/{first.id}"
    assert desk.ask("POST", f"{path}/approve", {"digest": "0" * 64}).status_code == 409
    assert desk.ask("POST", f"{path}/approve", headers={"If-Match": '"x"'}).status_code == 409
    done = desk.ask("POST", f"{path}/approve")
    assert (done.status_code, done.json()["status"]) == (200, "approved")
    no = desk.ask("POST", f"/api/approvals/{second.id}/reject", {"reason": "Not authorized"})
    assert (no.json()["status"], no.json()["reason"]) == ("rejected", "Not authorized")
    assert desk.ask("GET", "/api/approvals").json()["approvals"] == []
    assert desk.ask("GET", "/api/approvals?status=rejected").json()["total"] == 1
    assert desk.ask("POST", "/api/approvals/a0/approve").status_code == 404


def test_upkeep_expires_reminds_alerts_and_removes(azurite: Azurite) -> None:
    desk = desk_of(azurite, MANY | {"APPROVALS_MOST": "1", "APPROVALS_OLDEST_HOURS": "1"})
    first = desk.asked(desk.schedule(recurrence=DAILY))
    second = desk.asked(desk.schedule(recurrence=DAILY))
    assert desk.upkeep()["pending"] == 2
    kinds = [(one.kind, one.about) for one in desk.engine.app.alerts().all(10)]
    assert kinds == [("approvals_waiting", "number")]
    desk.engine.later(13 * 3600)
    done = desk.upkeep()
    assert (done["reminded"], done["pending"]) == (2, 2)
    assert desk.upkeep()["reminded"] == 0
    assert {one.about for one in desk.engine.app.alerts().all(10)} == {"number", "age"}
    desk.approvals.decide(second.id, CID, Answer.APPROVE)
    desk.engine.clock.advance(first.expires_at - desk.engine.clock.now())
    assert desk.upkeep()["expired"] == 1
    desk.engine.clock.advance(KEPT - timedelta(hours=1))
    assert desk.upkeep()["removed"] == 1  # decided before
    assert desk.approvals.store.find(first.id) is not None
    desk.engine.later(3600 + 1)
    assert desk.upkeep()["removed"] == 1 and desk.approvals.store.find(first.id) is None
    for status in ApprovalStatus:
        assert desk.approvals.page(None, status, 0, 10) == ([], 0)


def test_the_task_that_only_asks_says_who_approved(desk: Desk) -> None:
    asks = {"title": "Close the month?", "text": "All is exported.", "two_persons": True}
    schedule = desk.engine.add("approval", recurrence=DAILY, task_parameters=asks)
    waiting = desk.asked(schedule)
    assert (waiting.preview.title, waiting.needed) == ("Close the month?", 2)
    desk.approvals.decide(waiting.id, CID, Answer.APPROVE)
    desk.click(
        desk.link(waiting, "dan@example.com"),
        "approve",
        desk.ask("GET", desk.link(waiting, "dan@example.com")).text,
    )
    (job,) = desk.work()
    assert job.result is not None and job.result["approved_by"] == [CID.name, "dan@example.com"]
