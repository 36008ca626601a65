"""`/api/v1/backups`: what there is, how it stands, links, proofs, restores, and what is removed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import zstandard

from local.azurite import Azurite
from shared.access import LOCAL
from shared.api.idempotency import _name
from shared.backups.sqlite.names import target_problem
from shared.clock import SystemClock
from shared.errors import Invalid, NotFound
from tests.context import job_of
from tests.integration.backups.client import ROWS, TABLES, Client, at, opened

NONE = "0" * 32


@pytest.fixture
def client(azurite: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    with opened(azurite, tmp_path) as made:
        yield made


def test_a_backup_appears_at_its_plans_time_and_says_where_it_is(client: Client) -> None:
    plan = client.plan()
    assert plan["next_run_at"] == "2026-03-01T13:00:00Z" and plan["last_good"] is None
    assert plan["sentence"].startswith("There is no proved backup of database")
    client.engine.clock.set(at(60))
    client.engine.tick()
    (job,) = client.engine.work()
    assert job.status.value == "succeeded", job
    client.engine.clock.set(at(70))
    listed = client.told("GET", "/backups")
    assert (listed["total"], listed["pages"], listed["away"], listed["unreadable"]) == (1, 1, {}, 0)
    (one,) = listed["backups"]
    assert (one["source"], one["schedule_id"]) == ("database", plan["schedule_id"])
    assert (one["job_id"], one["state"], one["verified"]) == (job.id, "verified", True)
    assert (one["started_at"], one["age_seconds"]) == ("2026-03-01T13:00:00Z", 600)
    assert one["restore_seconds"] == 0, "its clock stands still"
    assert one["suspicions"] == []
    assert {copy["destination"]: (copy["state"], copy["how"]) for copy in one["copies"]} == {
        "primary": ("verified", "restored"),
        "offsite": ("verified", "copied"),
    }
    whole = client.told("GET", f"/backups/{one['id']}")
    assert one.items() <= whole.items()
    assert whole["manifest"]["tables"] == TABLES and whole["manifest_error"] is None
    assert "table users" in whole["manifest"]["schema"]
    assert [(r["destination"], r["outcome"], r["job_id"]) for r in whole["reports"]] == [
        ("primary", "verified", job.id),
        ("offsite", "verified", job.id),
    ]
    stands = {s["source"]: s for s in client.told("GET", "/backups/sources")["sources"]}
    here = stands["database"]
    assert (here["database"], here["scope"]) == (one["database"], "")
    assert here["last_good"]["id"] == one["id"] and here["age_seconds"] == 600
    assert here["last_good"]["schedule_id"] == plan["schedule_id"]
    assert (here["restore_seconds"], here["verified_at"]) == (
        one["restore_seconds"],
        one["verified_at"],
    )
    assert here["oldest_proof"] == {
        "backup_id": one["id"],
        "destination": "offsite",  # all were proved at the same time
        "verified_at": one["verified_at"],
    }
    plans = {p["schedule_id"]: p for p in here["plans"]}
    mine = plans[plan["schedule_id"]]
    assert (mine["name"], mine["last_good"], mine["too_old"]) == (
        "nightly",
        here["last_good"],
        False,
    )
    assert mine["sentence"].startswith("You can be back to 13:00 in ")
    assert mine["sentence"].endswith("s, proved 10 min ago") and mine["age_seconds"] == 600
    assert here["sentence"] == mine["sentence"]
    assert mine["expected_by"] == "2026-03-02T13:00:00Z"
    built_in = plans["database_backup"]
    assert built_in["last_good"] is None
    assert built_in["sentence"] == (
        "There is no proved backup of database by this plan; do not rely on one"
    )
    none = stands["state"]
    assert none["sentence"] == "There is no proved backup of state; do not rely on one"
    assert (none["last_good"], none["age_seconds"], none["database"]) == (None, None, "")
    assert [p["schedule_id"] for p in none["plans"]] == ["weekly_backup"]
    shown = client.told("GET", f"/backups/plans/{plan['schedule_id']}")
    assert shown["last_good"] == {
        "id": one["id"],
        "started_at": "2026-03-01T13:00:00Z",
        "age_seconds": 600,
    }
    assert shown["sentence"] == mine["sentence"]
    assert (shown["last_run_at"], shown["next_run_at"]) != (None, plan["next_run_at"])


def test_a_link_reads_one_blob_until_it_expires(client: Client) -> None:
    client.engine.clock.set(SystemClock().now())
    one = client.taken(client.plan(enabled=False))
    client.engine.clock.set(SystemClock().now())
    made = client.told("POST", f"/backups/{one['id']}/link", {"minutes": 5})
    lasts = datetime.fromisoformat(made["expires_at"]) - client.engine.clock.now()
    assert lasts == timedelta(minutes=5)
    content = httpx.get(made["url"]).raise_for_status().content
    assert hashlib.sha256(content).hexdigest() == made["sha256"] == one["sha256"]
    assert len(content) == made["bytes"] and made["file"].endswith(".sqlite.zst")
    assert zstandard.ZstdDecompressor().stream_reader(content).read(15) == b"SQLite format 3"
    assert httpx.delete(made["url"]).status_code == 403
    beside = made["url"].replace(".zst?", ".zst.manifest.json?")
    assert httpx.get(beside).status_code == 403
    line = httpx.get(made["checksum_url"]).raise_for_status().text
    assert line.split() == [made["sha256"], made["file"]]
    manifest = httpx.get(made["manifest_url"]).raise_for_status().json()
    assert (manifest["id"], manifest["tables"]) == (one["id"], TABLES)
    offsite = client.told("POST", f"/backups/{one['id']}/link", {"destination": "offsite"})
    assert f"{client.word}offsite" in offsite["url"] and offsite["destination"] == "offsite"
    assert httpx.get(offsite["url"]).content == content
    client.engine.clock.set(SystemClock().now() - timedelta(minutes=6))
    late = client.told("POST", f"/backups/{one['id']}/link", {"minutes": 5})
    for name in ("url", "checksum_url", "manifest_url"):
        assert httpx.get(late[name]).status_code == 403
    assert httpx.get(client.told("POST", f"/backups/{one['id']}/link")["url"]).status_code == 200


def test_what_is_left_of_a_backup_is_listed_and_named(client: Client) -> None:
    one = client.taken(client.plan(destinations=["primary"]))
    blob = one["copies"][0]["blob"]
    with client.container() as container:
        for name in list(container.list_blob_names(name_starts_with=blob)):
            container.get_blob_client(name).set_blob_metadata({})
        assert client.told("GET", f"/backups/{one['id']}")["verified"], "its manifest tells"
        container.delete_blob(f"{blob}.manifest.json")
    (lost,) = client.told("GET", "/backups")["lost"]
    assert lost == {
        "destination": "primary",
        "blob": blob,
        "id": one["id"],
        "why": "its manifest is gone",
        "bytes": one["bytes"],
        "sha256": one["sha256"],
        "proved": True,
    }
    for given in (one["id"], one["id"][:8]):
        detail = client.problem(404, "GET", f"/backups/{given}")["detail"]
        assert f"{blob} at primary was verified, and cannot be read" in detail


@pytest.mark.parametrize(
    "wrong",
    [
        {"started_at": "0001-01-01T00:00:00+23:59", "at": "9999-12-31T23:59:59-23:59"},
        {"duration_seconds": float("inf"), "restore_seconds": float("nan")},
        {"database": "x\ud800", "suspicions": ["\ud800"]},
        {"tables": {"\ud800": 1}, "error": 5},
    ],
)
def test_a_blob_that_says_what_cannot_be_is_counted_and_hides_no_other(
    client: Client, wrong: dict[str, Any]
) -> None:
    """Nor does it keep the watch from its work."""
    plan = client.plan()
    bad, good = client.taken(plan), client.taken(plan)
    for place in ("primary", "offsite"):
        for one in client.container(place).list_blobs(bad["copies"][0]["blob"]):
            blob = client.container(place).get_blob_client(one.name)
            metadata = blob.get_blob_properties().metadata
            for name in {"summary", "report"} & set(metadata):
                metadata[name] = json.dumps(json.loads(metadata[name]) | wrong)
            content = blob.download_blob().readall()
            if one.name.endswith(".json"):
                content = json.dumps(json.loads(content) | wrong).encode()
            blob.upload_blob(content, overwrite=True, metadata=metadata)
    shown = client.told("GET", "/backups")
    assert good["id"] in [one["id"] for one in shown["backups"]]
    assert shown["unreadable"] > 0
    assert [one["id"] for one in shown["lost"]] == [bad["id"][:8]] * 2
    client.told("GET", "/backups/sources")
    client.told("GET", "/backups/plans")
    assert client.app.backups().watch(job_of())["lost"] == 2


def test_only_of_postgres_something_can_be_left_out(client: Client) -> None:
    one = client.taken(client.plan(destinations=["primary"]))
    asked = {"without": ["constraint public.pets.owner"]}
    problem = client.problem(422, "POST", f"/backups/{one['id']}/verify", asked)
    assert [item["field"] for item in problem["errors"]] == ["without"]


def test_a_damaged_copy_is_found_by_verify_and_not_given_out(client: Client) -> None:
    one = client.taken(client.plan(destinations=["primary"]))
    here = f"/backups/{one['id']}"
    again = client.done(client.told("POST", f"{here}/verify"))
    assert again.result is not None and again.result["backup_id"] == one["id"]
    assert len(client.told("GET", here)["reports"]) == 2
    (copy,) = one["copies"]
    with client.container() as container:
        blob = container.get_blob_client(copy["blob"])
        content = bytearray(blob.download_blob().readall())
        content[len(content) // 2] ^= 1
        blob.upload_blob(
            bytes(content), overwrite=True, metadata=blob.get_blob_properties().metadata
        )
    failed = client.done(
        client.told("POST", f"{here}/verify", {"destination": "primary"}), "failed"
    )
    assert "SHA-256" in str(failed.error)
    told, _ = client.app.notifications().page(None, None, 1, 100)
    assert [message.subject for message in told] == ["A backup is damaged"]
    shown = client.told("GET", here)
    assert (shown["state"], shown["verified"], shown["verified_at"]) == ("damaged", False, None)
    assert "SHA-256" in shown["copies"][0]["error"] and shown["copies"][0]["verified_at"] is None
    assert [report["outcome"] for report in shown["reports"]] == ["verified"] * 2 + ["damaged"]
    assert shown["manifest"]["tables"] == TABLES
    for what in ("link", "restore"):
        said = client.problem(409, "POST", f"{here}/{what}")["detail"]
        assert "damaged" in said and "primary" in said
    to_look_at = client.told("POST", f"{here}/link", {"destination": "primary"})
    assert to_look_at["sha256"] == one["sha256"] and to_look_at["manifest_url"]
    asked = client.told("POST", f"{here}/restore", {"destination": "primary"})
    assert "SHA-256" in str(client.done(asked, "failed").error)
    with client.container() as container:
        container.delete_blob(copy["blob"] + ".manifest.json")
    without = client.told("POST", f"{here}/link", {"destination": "primary"})
    assert without["manifest_url"] is None and without["checksum_url"]
    bare = client.told("GET", here)
    assert bare["manifest"] is None and "manifest" in bare["manifest_error"]


def test_restores_into_a_new_file_a_named_one_and_over_one_whose_name_is_said_twice(
    client: Client,
) -> None:
    one = client.taken(client.plan())
    here = f"/backups/{one['id']}/restore"
    client.sql("DELETE FROM users WHERE id > 100")
    count = "SELECT count(*) FROM users"

    def restored(body: Any, status: str = "succeeded") -> Any:
        client.engine.later(60)
        return client.done(client.told("POST", here, body), status)

    new = restored(None).result
    assert client.sql(count, client.file.with_name(new["target"])) == [(ROWS,)]
    named = restored({"target": "other.db", "destination": "offsite"}).result
    assert (named["target"], named["destination"]) == ("other.db", "offsite")
    assert client.sql(count, client.file.with_name("other.db")) == [(ROWS,)]
    assert "not empty" in str(restored({"target": "company.db"}, "failed").error)
    assert client.sql(count) == [(100,)]
    over = restored({"target": "company.db", "replace": "company.db"}).result
    assert client.sql(count) == [(ROWS,)]
    assert client.sql(count, client.file.with_name(over["kept_as"])) == [(100,)]


def test_an_order_that_is_sent_again_is_carried_out_once_and_told_to_the_audit(
    client: Client,
) -> None:
    here = f"/backups/{client.taken(client.plan())['id']}"
    client.engine.later(60)
    for what in ("verify", "restore"):
        key = {"Idempotency-Key": what}
        first, again = (client.ask("POST", f"{here}/{what}", headers=key) for _ in range(2))
        assert (first.status_code, again.content) == (202, first.content)
        client.done(first.json())
        answers = client.app.answers
        kept = answers.find(_name(LOCAL, what))
        assert kept is not None and answers.write(kept, replace(kept, answer=None)) is not None
        client.engine.later(61)
        cut_off = client.ask("POST", f"{here}/{what}", headers=key)
        assert (cut_off.status_code, cut_off.json()) == (202, first.json())
        listed = client.told("GET", "/jobs", task_type=f"backup_{what}")
        assert [one["id"] for one in listed["jobs"]] == [first.json()["job_id"]]
    told = client.told("GET", "/audit", actor="task:backup_restore")["entries"]
    assert [(one["action"], one["outcome"]) for one in told] == [("restore", "done")]
    assert told[0]["after"]["job_id"] == first.json()["job_id"]


def test_a_target_that_no_restore_can_go_to_is_refused_at_once(client: Client) -> None:
    one = client.taken(client.plan())
    for target in ("../other.db", "a/b.db", "/etc/other.db", "é" * 101, "company.db-wal"):
        body = {"target": target, "replace": target}
        said = client.problem(422, "POST", f"/backups/{one['id']}/restore", body)
        assert [item["field"] for item in said["errors"]] == ["target"], target
        assert said["errors"][0]["message"] == target_problem(target)
    asked = client.told("GET", "/schedules", once="true", task_type="backup_restore")
    assert asked["total"] == 0


def test_a_backup_is_known_by_the_digits_that_its_blobs_show(client: Client) -> None:
    plan = client.plan(retention={"count": 2})
    first, second = client.taken(plan), client.taken(plan)
    short = first["id"][:8]
    assert f".{short}." in first["copies"][0]["blob"]
    assert client.told("GET", f"/backups/{short}")["id"] == first["id"]
    assert client.told("POST", f"/backups/{short}/link")["sha256"] == first["sha256"]
    asked = client.told("POST", f"/backups/{short}/verify")
    parameters = client.told("GET", f"/schedules/{asked['schedule_id']}")["task_parameters"]
    assert parameters["backup_id"] == first["id"]
    client.done(asked)
    restored = client.done(client.told("POST", f"/backups/{short}/restore")).result
    assert restored is not None and restored["backup_id"] == first["id"]
    assert first["id"] in client.problem(409, "POST", f"/backups/{short}/accept")["detail"]
    assert client.ask("DELETE", f"/backups/{short}", force="true").status_code == 204
    client.problem(404, "GET", f"/backups/{short}")
    assert client.told("GET", "/backups")["backups"][0]["id"] == second["id"]


def test_a_plan_of_all_of_which_nothing_is_proved_says_so_of_everything(client: Client) -> None:
    def sentence() -> str:
        said: str = client.told("GET", "/backups/plans/weekly_backup")["sentence"]
        return said

    assert sentence() == "There is no proved backup of anything by this plan; do not rely on one"
    client.app.manager.run_now("weekly_backup", force=True)
    client.engine.work()
    assert sentence().startswith("You can be back to ")


def test_digits_that_several_backups_begin_with_are_not_enough(client: Client) -> None:
    one = client.taken(client.plan(destinations=["primary"]))
    found = client.app.backups().look()
    (backup,) = found.backups
    twin = replace(backup, summary=replace(backup.summary, id=one["id"][:8] + "0" * 24))
    both = replace(found, backups=[backup, twin])
    assert both.find(one["id"]) is backup and both.find(twin.id) is twin
    with pytest.raises(Invalid, match="several begin so") as raised:
        both.find(one["id"][:8])
    assert raised.value.field == "backup_id"
    assert one["id"] in raised.value.message and twin.id in raised.value.message
    with pytest.raises(NotFound, match="there is no backup"):
        found.find(one["id"][:7])
    assert found.find(one["id"][:8]) is backup


@pytest.mark.parametrize(
    "body", [{"replace": "company.db"}, {"target": "other.db", "replace": "company.db"}]
)
def test_a_name_that_is_not_said_twice_replaces_nothing(
    client: Client, body: dict[str, str]
) -> None:
    said = client.problem(422, "POST", f"/backups/{NONE}/restore", body)
    assert [item["field"] for item in said["errors"]] == ["replace"]
    assert "say its name twice" in said["detail"]


def test_retention_is_tried_dry_and_guards_what_is_deleted(client: Client) -> None:
    plan = client.plan(retention={"count": 2}, destinations=["offsite"])
    old, middle, new = [client.taken(plan) for _ in range(3)]
    removed = client.ask("GET", f"/backups/{old['id']}")
    assert removed.status_code == 404, "the plan keeps two"
    mine = {"schedule_id": plan["schedule_id"]}
    tried = client.told("POST", "/backups/retention", mine)
    assert (tried["kept"], tried["removed"]) == (2, 0)
    other = client.told("POST", "/backups/retention", mine | {"retention": {"count": 1}})
    assert [(one["id"], one["keep"]) for one in other["backups"]] == [
        (new["id"], True),
        (middle["id"], False),
    ]
    assert (other["kept"], other["removed"]) == (1, 1)
    assert all(one["reasons"] for one in other["backups"])
    assert client.told("GET", "/backups")["total"] == 2, "nothing was removed"
    said = client.problem(409, "DELETE", f"/backups/{middle['id']}")["detail"]
    assert "retention keeps" in said and "count" in said
    for force in ("false", "true"):
        said = client.problem(409, "DELETE", f"/backups/{new['id']}", force=force)["detail"]
        assert "last verified" in said
    assert client.ask("DELETE", f"/backups/{middle['id']}", force="true").status_code == 204
    assert client.ask("GET", f"/backups/{middle['id']}").status_code == 404
    assert [one["id"] for one in client.told("GET", "/backups")["backups"]] == [new["id"]]
    with client.container("offsite") as container:
        assert {name.split("/")[-1][:33] for name in container.list_blob_names()} == {
            new["copies"][0]["blob"].split("/")[-1][:33]
        }


def test_what_retention_lets_go_may_be_deleted(client: Client) -> None:
    plan = client.plan(retention={"count": 2})
    first, _ = client.taken(plan), client.taken(plan)
    here = f"/backups/plans/{plan['schedule_id']}"
    client.told("PATCH", here, {"retention": {"count": 1}})
    assert client.ask("DELETE", f"/backups/{first['id']}").status_code == 204
    assert client.told("GET", "/backups")["total"] == 1


def test_a_dry_run_of_no_plan_and_of_no_rule(client: Client) -> None:
    client.problem(404, "POST", "/backups/retention", {"schedule_id": "snone"})
    mine = {"schedule_id": "database_backup"}
    assert client.told("POST", "/backups/retention", mine)["backups"] == []
    said = client.problem(422, "POST", "/backups/retention", mine | {"retention": {}})
    assert [item["field"] for item in said["errors"]] == ["retention"]
    said = client.problem(422, "POST", "/backups/retention", mine | {"retention": {"days": 0}})
    assert [item["field"] for item in said["errors"]] == ["retention.days"]


def test_a_suspicious_backup_is_found_and_accepted(client: Client) -> None:
    plan = client.plan(retention={"count": 1})
    first = client.taken(plan)
    client.problem(409, "POST", f"/backups/{first['id']}/accept")
    client.sql("DELETE FROM users")
    second = client.taken(plan)
    assert any("table users" in said for said in second["suspicions"])
    assert client.told("GET", "/backups")["total"] == 2, "retention is held"
    (odd,) = client.told("GET", "/backups", suspicious="true")["backups"]
    (sound,) = client.told("GET", "/backups", suspicious="false")["backups"]
    assert (odd["id"], sound["id"]) == (second["id"], first["id"])
    client.engine.later(1)
    assert client.told("POST", f"/backups/{second['id']}/accept")["suspicions"] == []
    whole = client.told("GET", f"/backups/{second['id']}")
    assert whole["suspicions"] == [] and whole["verified"] is True
    assert [r["outcome"] for r in whole["reports"]][-2:] == ["accepted", "accepted"]
    client.problem(409, "POST", f"/backups/{second['id']}/accept")


def test_backups_are_found_by_what_they_are(client: Client) -> None:
    one, other = client.plan(destinations=["primary"]), client.plan(name="other")
    first, second, third = client.taken(one), client.taken(other), client.taken(one)

    def found(**filters: Any) -> list[str]:
        return [backup["id"] for backup in client.told("GET", "/backups", **filters)["backups"]]

    newest_first = [third["id"], second["id"], first["id"]]
    assert found() == found(source="database", database=first["database"]) == newest_first
    assert found(source="postgres") == found(database="x") == found(suspicious=True) == []
    assert found(schedule_id=other["schedule_id"]) == [second["id"]]
    assert found(destination="offsite") == [second["id"]]
    assert found(state="verified") == newest_first and found(state="unproved") == []
    assert found(since=second["started_at"]) == newest_first[:2]
    assert found(to=second["started_at"]) == newest_first[2:]
    assert found(page=2, page_size=2) == newest_first[2:]
    with client.container("offsite") as container:
        container.delete_blob(second["copies"][1]["blob"])
    assert found(state="damaged") == [], "the copy at primary is good"
    assert found(state="damaged", destination="offsite") == [second["id"]]
    assert found(state="verified", destination="primary") == newest_first


@pytest.mark.parametrize(
    ("params", "field", "said"),
    [
        ({"state": "good"}, "state", "unproved"),
        ({"destination": "moon"}, "destination", "primary, offsite"),
        ({"since": "yesterday"}, "from", "no instant"),
        ({"since": "2026-03-02T00:00:00Z", "to": "2026-03-01T00:00:00Z"}, "from", "later"),
        ({"schedule_id": "x' or '"}, "schedule_id", "no id of a schedule"),
        ({"page_size": 101}, "page_size", "give 100 or less"),
        ({"sauce": "database"}, "sauce", "no such parameter"),
    ],
)
def test_a_wrong_filter_is_named(
    client: Client, params: dict[str, Any], field: str, said: str
) -> None:
    problem = client.problem(422, "GET", "/backups", **params)
    assert [item["field"] for item in problem["errors"]] == [field]
    assert said in problem["errors"][0]["message"]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("link", {"minutes": 0}, "minutes"),
        ("link", {"minutes": 10_081}, "minutes"),
        ("link", {"minutes": "60"}, "minutes"),
        ("link", {"destination": "moon"}, "destination"),
        ("verify", {"destination": "moon"}, "destination"),
        ("verify", {"copy": "primary"}, "copy"),
        ("verify", {"without": ["the foreign key"]}, "without.0"),
        ("restore", {"destination": "moon"}, "destination"),
        ("restore", {"target": ""}, "target"),
    ],
)
def test_a_wrong_order_is_named(
    client: Client, path: str, body: dict[str, Any], field: str
) -> None:
    problem = client.problem(422, "POST", f"/backups/{NONE}/{path}", body)
    assert [item["field"] for item in problem["errors"]] == [field]


def test_one_that_is_not_there(client: Client) -> None:
    for method, path in (
        ("GET", ""),
        ("DELETE", ""),
        ("POST", "/link"),
        ("POST", "/verify"),
        ("POST", "/restore"),
        ("POST", "/accept"),
    ):
        client.problem(404, method, f"/backups/{NONE}{path}")
        problem = client.problem(422, method, f"/backups/x' or '{path}")
        assert [item["field"] for item in problem["errors"]] == ["backup_id"]
        assert "32 hex digits" in problem["errors"][0]["message"]
    assert client.engine.messages() == [], "nothing was asked for"


def test_a_destination_that_is_away_is_told_and_hides_nothing_of_the_others(client: Client) -> None:
    plan = client.plan(retention={"count": 1})
    client.taken(plan)
    one = client.taken(plan)
    only = client.taken(client.plan(name="primary only", destinations=["primary"]))
    client.away()
    listed = client.told("GET", "/backups")
    assert list(listed["away"]) == ["offsite"] and listed["total"] == 2
    assert [copy["destination"] for copy in listed["backups"][1]["copies"]] == ["primary"]
    assert list(client.told("GET", "/backups/sources")["away"]) == ["offsite"]
    assert "may lie there" in client.problem(503, "GET", f"/backups/{NONE}")["detail"]
    client.problem(503, "DELETE", f"/backups/{only['id']}")
    client.problem(409, "DELETE", f"/backups/{only['id']}", force="true")
    asked = {"destination": "offsite"}
    assert "offsite" in client.problem(503, "POST", f"/backups/{one['id']}/verify", asked)["detail"]
    assert client.told("GET", f"/backups/plans/{plan['schedule_id']}")["last_good"] is not None


def test_a_copy_that_there_is_not_is_a_conflict(client: Client) -> None:
    one = client.taken(client.plan(destinations=["primary"]))
    said = client.problem(409, "POST", f"/backups/{one['id']}/link", {"destination": "offsite"})
    assert "it has at primary" in said["detail"]


def test_encrypted_backups_are_read_with_the_key_and_counted_without(
    azurite: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyrage

    key = str(pyrage.x25519.Identity.generate())
    with opened(azurite, tmp_path, BACKUP_ENCRYPTION_KEY=key) as client:
        one = client.taken(client.plan())
        assert one["encrypted"] is True and one["manifest"]["tables"] == TABLES
        plain = client.taken(client.plan(name="plain", encrypt=False))
        assert plain["encrypted"] is False
    with opened(azurite, tmp_path, WORD=client.word) as other:
        listed = other.told("GET", "/backups")
        assert [backup["id"] for backup in listed["backups"]] == [plain["id"]]
        assert listed["unreadable"] > 0 and listed["locked"] == 1
        stands = other.told("GET", "/backups/sources")
        assert stands["locked"] == 1
        said = {one["source"]: one["sentence"] for one in stands["sources"]}
        assert said["database"].startswith("You can be back to")
        assert "1 encrypted backup that the keys" in said["state"]
        shown = other.told("GET", "/backups/plans/database_backup")["sentence"]
        assert "1 encrypted backup that the keys" in shown
    with opened(azurite, tmp_path, BACKUP_ENCRYPTION_KEY=key, WORD=client.word) as last:
        assert last.told("GET", "/backups")["locked"] == 0
        assert last.told("GET", "/backups/sources")["locked"] == 0
