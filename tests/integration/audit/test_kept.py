"""The daily anchors, the files with all records, and the end of the rows in the table."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from local.azurite import Azurite
from shared.access import Caller, Role
from shared.alerts.port import AlertKind
from shared.audit.chain import Wrong
from shared.audit.listing import Wanted
from shared.audit.port import Action, Subject
from shared.errors import Damaged
from shared.storage.names import Names
from tests.context import job_of
from tests.integration.audit.conftest import ADMIN, Office
from tests.integration.engine.conftest import make


def blobs(office: Office) -> Any:
    app = office.engine.app
    return app.connection.container(Names(app.settings.prefix).audit_files)


def content(office: Office, name: str) -> bytes:
    found: bytes = blobs(office).download_blob(name).readall()
    return found


def names(office: Office) -> list[str]:
    return sorted(blobs(office).list_blob_names())


def test_a_day_has_one_anchor_and_all_records_are_in_files(office: Office) -> None:
    office.changes(3)
    assert office.upkeep(1)["anchored"] == "anchors/2026-03-02.json"
    assert office.upkeep(0.1)["anchored"] is None
    office.engine.add()
    assert office.upkeep(1)["anchored"] == "anchors/2026-03-03.json"
    first, second, *files = names(office)
    assert files == [
        "records/0000000001-0000000004.jsonl",
        "records/0000000005-0000000006.jsonl",
    ]
    one, two = (json.loads(content(office, name)) for name in (first, second))
    assert one["previous"] is None
    assert two["previous"] == hashlib.sha256(content(office, first)).hexdigest()
    lines = content(office, files[0]).decode().splitlines()
    assert [json.loads(line)["number"] for line in lines] == [1, 2, 3, 4]
    assert hashlib.sha256(lines[-1].encode()).hexdigest() == one["hash"]
    assert json.loads(lines[1])["previous"] == hashlib.sha256(lines[0].encode()).hexdigest()


def test_two_instances_make_one_anchor(office: Office, azurite: Azurite) -> None:
    office.changes(1)
    clock = office.engine.clock
    other = make(azurite, office.engine.app.settings.prefix, clock=clock, prepared=True)
    assert office.upkeep(1)["anchored"]
    assert other.app.audit._anchor(ADMIN, clock.now(), lambda: None) is None
    assert office.verified().good


def test_a_process_that_is_killed_before_its_anchor_leaves_a_file_that_harms_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.changes(2)
    anchors = office.audit._anchors
    head = office.head()
    anchors._container.create()
    (part,) = anchors._parts(0, head.number)
    anchors._keep(part, lambda: None)  # and then it was killed
    office.engine.add()
    assert office.upkeep(1)["anchored"]
    assert len(names(office)) == 3
    assert office.verified().good


def test_old_rows_end_up_in_files_only_and_are_still_verified(azurite: Azurite) -> None:
    engine = make(azurite, environ={"AUDIT_TABLE_DAYS": "2"})
    office = Office(engine)
    office.changes(3)
    made = engine.add(project_id=7)
    office.upkeep(1)
    engine.app.manager.enable(made.id, False)
    office.upkeep(1)
    assert office.upkeep(1)["archived"] == 5  # what the first anchor has
    kept = sorted(key for key in office.rows() if key.startswith("record:"))
    assert kept[0] == "record:0000000006"
    assert not any(key.endswith(":9999999994") for key in office.rows())  # the lists' rows
    found = office.verified()
    assert (found.good, found.archived) == (True, 5)
    assert found.records == office.head().number
    assert office.audit.page(Wanted(schedule_id=made.id), ADMIN, 1, 10).total == 1
    file = names(office)[-3]
    blobs(office).upload_blob(
        file, content(office, file).replace(b"name 1", b"name 2"), overwrite=True
    )
    (wrong, *_) = office.findings()
    assert (wrong.wrong, wrong.number) == (Wrong.CHANGED, 1)
    assert "is not the file that was anchored" in wrong.text


def test_nothing_is_archived_that_its_file_does_not_have(azurite: Azurite) -> None:
    engine = make(azurite, environ={"AUDIT_TABLE_DAYS": "1"})
    office = Office(engine)
    office.changes(3)
    office.upkeep(1)
    file = names(office)[-1]
    blobs(office).upload_blob(file, b"{}\n", overwrite=True)
    engine.later(86400)
    before = len(office.rows())
    with pytest.raises(Damaged, match="is not the file that was anchored"):
        office.upkeep(0)
    assert len([key for key in office.rows() if key.startswith("record:")]) >= 4
    assert len(office.rows()) >= before


def test_people_are_told_of_a_broken_chain_and_of_its_end(office: Office) -> None:
    office.changes(2)
    app = office.engine.app
    job = job_of(clock=office.engine.clock)
    assert office.audit.watch(job) == {"records": 3, "archived": 0, "anchors": 0}
    row = office.table.get("chain", "record:0000000002")
    assert row is not None
    office.table.transact("chain", [_upsert(row, actor="otto")])
    with pytest.raises(Damaged, match="record 2"):
        office.audit.watch(job)
    (alert,) = [one for one in app.alerts().all(10) if one.kind is AlertKind.AUDIT_BROKEN]
    assert "record 2: its row says otherwise" in alert.text
    office.table.transact("chain", [_upsert(row)])
    office.audit.watch(job)
    assert app.alerts().open_subjects(AlertKind.AUDIT_BROKEN) == set()


def test_what_azurite_cannot_hold_is_said(office: Office) -> None:
    office.changes(1)
    assert office.verified().held is None
    office.upkeep(1)
    assert office.verified().held is False


def test_a_viewer_sees_the_schedules_of_its_projects(office: Office) -> None:
    ours, theirs = office.engine.add(project_id=7), office.engine.add(project_id=8)
    office.engine.add()
    with office.audit.changing(ADMIN, Action.CREATE, Subject("key", "k", 7)):
        pass

    def seen(caller: Caller, **wanted: Any) -> list[str]:
        found = office.audit.page(Wanted(**wanted), caller, 1, 10)
        assert found.total == len(found.records)
        return [one.entry().subject.id for one in found.records]

    viewer = Caller(name="v", role=Role.VIEWER, projects=frozenset({7}))
    assert seen(viewer) == [ours.id]
    assert seen(viewer, schedule_id=theirs.id) == []
    assert seen(viewer, project_id=8) == []
    assert seen(Caller(name="a", role=Role.ADMIN, projects=frozenset({7, 9}))) == ["k", ours.id]
    assert seen(Caller(name="n", role=Role.ADMIN, projects=frozenset())) == []
    assert len(seen(Caller(name="o", role=Role.OPERATOR))) == 3
    assert len(seen(ADMIN)) == 4


def _upsert(row: dict[str, Any], **changed: object) -> Any:
    from shared.storage.tables.batch import Upsert

    kept = {name: one for name, one in row.items() if name not in ("etag", "PartitionKey")}
    return Upsert(kept.pop("RowKey"), kept | changed)
