"""Resources by the API: made, also under ids of the caller's; secrets that nobody is shown."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pytest

from shared.resources import service
from shared.secrets.port import Owner
from shared.settings import Secret
from tests.integration.resources.conftest import HOOK, Shelf

SECRET = "https://example.com/hook/s3cr3t"
KEY = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


def test_a_webhook_is_made_under_an_id_that_scripts_know(shelf: Shelf) -> None:
    answer = shelf.ask("PUT", "/webhooks/15", HOOK)
    assert answer.status_code == 201 and answer.headers["location"] == "/api/v1/webhooks/15"
    made = answer.json()
    assert made["id"] == "15" and made["project_id"] == 1 and made["enabled"] is True
    assert made["url"] == "https://example.com/hook…" and made["host"] == "example.com"
    assert made["secrets"] == {"signing_key": True, "old_signing_key": False, "url": True}
    assert made["signing_key"].startswith("whsec_"), "one was made, and is shown once"
    read = shelf.ask("GET", "/webhooks/15")
    assert "signing_key" not in read.json() and made["signing_key"] not in read.text
    again = shelf.ask("PUT", "/webhooks/15", HOOK | {"name": "second"})
    assert again.status_code == 200 and again.json()["signing_key"] is None
    assert again.json()["name"] == "second" and again.headers["etag"] != read.headers["etag"]
    kept = shelf.resources.webhook("15", 1)
    assert kept.secrets["signing_key"].reveal() == made["signing_key"], "it stays"
    assert kept.secrets["url"].reveal() == SECRET


def test_a_key_that_was_made_is_in_no_answer_that_is_kept(shelf: Shelf) -> None:
    """`Idempotency-Key`: the answer is kept for a day, and so it is without the key."""
    first = shelf.ask("POST", "/webhooks", HOOK, idempotency_key="one")
    again = shelf.ask("POST", "/webhooks", HOOK, idempotency_key="one")
    assert first.status_code == again.status_code == 201
    key = first.json()["signing_key"]
    assert key and again.json() == first.json() | {"signing_key": None}
    assert again.headers["idempotency-replayed"] == "true"
    assert key not in shelf.rows() and "s3cr3t" not in shelf.rows()
    assert shelf.told("GET", "/webhooks?project_id=1")["total"] == 1


def test_no_secret_is_in_an_answer_a_log_the_audit_or_a_table(
    shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    repository = {"project_id": 1, "name": "main", "url": "https://github.com/example/example.git"}
    database = {"project_id": 1, "name": "db", "kind": "sql"}
    url = "postgresql://u:s3cr3t@db.example.com/d"
    answers = [
        shelf.ask("PUT", "/webhooks/15", HOOK | {"signing_key": KEY}),
        shelf.ask("PATCH", "/webhooks/15", {"url": "https://example.com/s3cr3t?token=s3cr3t"}),
        shelf.ask("PUT", "/repositories/42", repository | {"token": "s3cr3t"}),
        shelf.ask("PATCH", "/repositories/42", {"token": "s3cr3t2"}),
        shelf.ask("PUT", "/targets/db", database | {"url": url}),
        shelf.ask("PATCH", "/targets/db", {"name": "db2"}),
        shelf.ask("PUT", "/webhooks/16", HOOK | {"signing_key": "whsec_s3cr3t"}),
        shelf.ask("PUT", "/webhooks/16", HOOK | {"url": "http://127.0.0.1/s3cr3t"}),
        shelf.ask("PUT", "/targets/t", database | {"kind": "tcp", "url": url}),
        *(shelf.ask("GET", f"/{one}") for one in ("webhooks", "repositories", "targets", "audit")),
    ]
    said = [one.status_code for one in answers]
    assert said == [201, 200, 201, 200, 201, 200, 422, 422, 422, 200, 200, 200, 200]
    found = [(one.request.url.path, one.text) for one in answers if "s3cr3t" in one.text]
    assert [path for path, text in found] == [], found
    assert "s3cr3t" not in caplog.text and KEY not in caplog.text
    assert "s3cr3t" not in shelf.rows() and KEY not in shelf.rows()
    entries = answers[-1].json()["entries"]
    assert {one["subject"]["kind"] for one in entries} >= {"webhook", "repository", "target"}


def test_a_key_is_rotated_and_the_old_one_signs_for_a_while(shelf: Shelf) -> None:
    shelf.hook(signing_key=KEY)
    made = shelf.told("POST", "/webhooks/15/rotate", {"overlap_hours": 2})
    assert made["old_key_until"] == "2026-03-01T14:00:01Z"
    kept = shelf.resources.webhook("15", 1)
    assert kept.secrets["old_signing_key"].reveal() == KEY
    assert kept.secrets["signing_key"].reveal() == made["signing_key"] != KEY
    assert kept.what.old_key_until == "2026-03-01T14:00:01+00:00"
    at_once = shelf.told("POST", "/webhooks/15/rotate", {"overlap_hours": 0, "signing_key": KEY})
    assert at_once["signing_key"] is None and at_once["old_key_until"] is None
    assert set(shelf.resources.webhook("15", 1).secrets) == {"signing_key", "url"}
    assert len(shelf.kept()) == 1, "earlier ones are removed"


@pytest.mark.parametrize("kind", ["webhooks", "repositories", "targets"])
def test_each_kind_is_made_listed_changed_turned_off_and_deleted(shelf: Shelf, kind: str) -> None:
    body: dict[str, Any] = {
        "webhooks": HOOK,
        "repositories": {"name": "main", "url": "https://github.com/e/e.git", "project_id": 1},
        "targets": {"name": "tls", "kind": "tls", "host": "example.com", "project_id": 1},
    }[kind]
    one = shelf.told("POST", f"/{kind}", body)
    assert one["id"][0] == kind[0] and len(one["id"]) == 13
    path = f"/{kind}/{one['id']}"
    shelf.told("PUT", f"/{kind}/7", body | {"project_id": 2, "name": "other"})
    listed = shelf.told("GET", f"/{kind}?page_size=1&page=2")
    assert (listed["total"], listed["pages"], listed[kind][0]["id"]) == (2, 2, "7")
    assert [it["id"] for it in shelf.told("GET", f"/{kind}?project_id=1")[kind]] == [one["id"]]
    before = shelf.ask("GET", path)
    tag = before.headers["etag"]
    assert shelf.ask("GET", path, if_none_match=tag).status_code == 304
    changed = shelf.ask("PATCH", path, {"name": "new"}, if_match=tag)
    assert changed.json()["name"] == "new"
    assert shelf.ask("PATCH", path, {"name": "late"}, if_match=tag).status_code == 412
    assert shelf.ask("DELETE", path, if_match=tag).status_code == 412
    off = shelf.told("POST", f"{path}/disable", {"reason": "it moves"})
    assert (off["enabled"], off["disabled_reason"]) == (False, "it moves")
    assert shelf.told("POST", f"{path}/disable")["disabled_reason"] == "it moves"
    assert shelf.told("POST", f"{path}/enable")["enabled"] is True
    assert shelf.ask("DELETE", path).status_code == 204
    gone = shelf.ask("GET", path)
    assert gone.status_code == 404 and f"PUT /api/v1{path}" in gone.json()["detail"]
    other = {one.owner.id for one in shelf.kept()}
    assert other == ({"7"} if kind == "webhooks" else set()), "its secrets are gone too"


def test_an_id_that_several_projects_have_is_asked_for_with_its_project(shelf: Shelf) -> None:
    for project in (1, 2, None):
        shelf.hook(project_id=project, name=f"of {project}")
    answer = shelf.ask("GET", "/webhooks/15")
    assert answer.status_code == 409 and "none, 1, 2" in answer.json()["detail"]
    assert "?project_id=none" in answer.json()["detail"]
    for said, name in (("none", "of None"), ("1", "of 1"), ("2", "of 2")):
        assert shelf.told("GET", f"/webhooks/15?project_id={said}")["name"] == name
    assert shelf.ask("DELETE", "/webhooks/15").status_code == 409
    assert shelf.ask("DELETE", "/webhooks/15?project_id=2").status_code == 204
    assert shelf.ask("GET", "/webhooks/15?project_id=2").status_code == 404


def test_a_secret_does_not_go_to_another_host_than_it_was_given_for(shelf: Shelf) -> None:
    """Who may change a URL could else have the token sent to a host of theirs."""
    body = {"project_id": 1, "name": "m", "url": "https://github.com/e/e.git", "token": "s3cr3t"}
    shelf.told("PUT", "/repositories/42", body)
    elsewhere = {"url": "https://evil.example/e/e.git"}
    field, said = shelf.wrong("PATCH", "/repositories/42", elsewhere)
    assert field == "token" and "give it anew" in said
    rest = {name: value for name, value in body.items() if name != "token"} | elsewhere
    assert shelf.wrong("PUT", "/repositories/42", rest)[0] == "token"
    assert shelf.told("PATCH", "/repositories/42", {"url": "https://github.com/e/f.git"})
    assert shelf.told("PATCH", "/repositories/42", elsewhere | {"token": "other"})
    gone = shelf.told("PATCH", "/repositories/42", {"token": None})
    assert gone["secrets"] == {"token": False} and shelf.kept() == []


def test_a_schedule_says_what_is_missing_and_keeps_it_from_being_deleted(shelf: Shelf) -> None:
    field, said = shelf.refused(
        task_type="delivers", task_parameters={"webhook_id": 15}, project_id=1
    )
    assert field == "task_parameters.webhook_id"
    assert said == "project 1 has no webhook '15'; make it with PUT /api/v1/webhooks/15"
    shelf.hook(project_id=2)
    assert shelf.refused(task_type="delivers", task_parameters={"webhook_id": 15}, project_id=1)
    shelf.hook(project_id=1)
    one = shelf.delivery(15)
    answer = shelf.ask("DELETE", "/webhooks/15?project_id=1")
    assert answer.status_code == 409 and "'nightly'" in answer.json()["detail"]
    assert shelf.ask("DELETE", "/webhooks/15?project_id=2").status_code == 204
    assert shelf.ask("DELETE", "/webhooks/15?force=true").status_code == 204
    shelf.engine.app.manager.run_now(one["id"], force=True)
    (job,) = shelf.engine.work()
    assert job.status == "failed" and job.attempt == 1, "it is not tried again"
    assert "project 1 has no webhook '15'; make it with" in (job.error or "")
    assert shelf.ask("POST", f"/schedules/{one['id']}/disable").is_success


def test_a_task_gets_the_secrets_of_its_project(shelf: Shelf) -> None:
    shelf.hook()
    one = shelf.delivery("15")
    shelf.engine.app.manager.run_now(one["id"], force=True)
    (job,) = shelf.engine.work()
    assert job.result == {"letters": len(SECRET), "disabled": False}
    shelf.resources.disable_webhook("15", 1, "it answered 410")
    shelf.resources.disable_webhook("15", 1, "again")
    shelf.resources.disable_webhook("16", 1, "there is none")
    off = shelf.told("GET", "/webhooks/15")
    assert off["disabled_reason"] == "it answered 410"
    (turned,) = shelf.told("GET", "/audit?action=disable")["entries"]
    assert turned["by"]["name"] == "engine" and turned["subject"]["id"] == "15"
    assert turned["changes"][0]["path"] == "/disabled"


def test_a_project_has_so_many_and_no_more(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MOST", 2)
    shelf.hook("1")
    shelf.told("PUT", "/targets/1", {"project_id": 1, "name": "t", "kind": "tls", "host": "a.de"})
    answer = shelf.ask("PUT", "/webhooks/3", HOOK)
    assert answer.status_code == 409 and "delete some" in answer.json()["detail"]
    assert shelf.ask("POST", "/webhooks", HOOK).status_code == 409
    assert shelf.ask("PUT", "/webhooks/1", HOOK).status_code == 200, "what is there may change"
    assert len(shelf.kept()) == 1
    shelf.hook("3", project_id=2)


def test_a_secret_never_meets_the_url_of_before(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that reads a repository while its owner moves it, with a new token."""
    was = {"project_id": 1, "name": "code", "url": "https://old.example.com/a", "token": "old"}
    shelf.told("PUT", "/repositories/3", was)
    resources = shelf.resources
    ask, moved = shelf.secrets.get, list[str]()

    def late(owner: Owner, ref: str) -> Mapping[str, Secret] | None:
        if not moved:
            moved.append("")
            change = {"url": "https://new.example.com/a", "token": "new"}
            shelf.told("PATCH", "/repositories/3", change)
        return ask(owner, ref)

    monkeypatch.setattr(shelf.secrets, "get", late)
    found = resources.repository("3", 1)
    assert (found.what.url, found.secrets["token"].reveal()) == (
        "https://new.example.com/a",
        "new",
    )
