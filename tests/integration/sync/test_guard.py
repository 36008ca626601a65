"""Customers' places are reached by the guarded client alone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AzureNamedKeyCredential
from azure.data.tables import generate_table_sas
from azure.storage.blob import generate_container_sas

from local.azurite import ACCOUNT, KEY
from local.ports import HOST
from shared.clock import SystemClock
from shared.errors import Invalid, Refused
from shared.outgoing import Blocked, Rules, allowed
from shared.outgoing.client import Client
from shared.resources.targets import TargetKind
from shared.sync.plan import SyncPlan
from shared.sync.reach import Guarded
from shared.sync.service import Reach, Syncs
from tests.integration.sync.conftest import Sides
from tests.integration.sync.test_containers import content, put
from tests.integration.sync.test_tables import entities
from tests.integration.sync.test_tables import put as put_entity
from tests.integration.sync.world import World, job


def service(world: World, *places: str) -> Syncs:
    reach: Reach = Guarded(Client(Rules(allowed=allowed(places)), SystemClock()))
    return Syncs(world.targets, reach, world.store, world.own)


def test_copies_go_through_the_guard(sides: Sides) -> None:
    put(sides.blobs[0], "a b%ü", b"x" * 100_000)
    put_entity(sides.tables[0], "p", "r", n=1)
    there = service(sides.world, HOST)
    for number, (source, destination) in enumerate((("a", "b"), ("s", "t")), start=1):
        plan = SyncPlan(source_id=source, destination_id=destination)
        there.check(plan, None)
        assert there.sync(plan, sides.world.job(number))["copied"] == 1
    assert content(sides.blobs[1]) == content(sides.blobs[0])
    assert entities(sides.tables[1]) == entities(sides.tables[0])


def test_signatures_are_enough(sides: Sides) -> None:
    """A URL with a signature, and a connection string with one."""
    put(sides.blobs[0], "a")
    put_entity(sides.tables[0], "p", "r", n=1)
    until = datetime.now(UTC) + timedelta(hours=1)
    for target, side, rights in zip("ab", sides.blobs, ("rl", "rcwdl"), strict=True):
        name = str(side.container_name)
        signed = generate_container_sas(ACCOUNT, name, KEY, permission=rights, expiry=until)
        sides.world.place(target, TargetKind.CONTAINER, f"{side.url}?{signed}")
    credential = AzureNamedKeyCredential(ACCOUNT, KEY)
    for target, table, rights in zip("st", sides.tables, ("r", "raud"), strict=True):
        name = table.table_name
        signed = generate_table_sas(credential, name, permission=rights, expiry=until)
        url = re.findall(r"TableEndpoint=([^;]+)", sides.world.text)[0]
        text = f"AccountName={ACCOUNT};TableEndpoint={url};SharedAccessSignature={signed}"
        sides.world.place(target, TargetKind.TABLE, text, table=name)
    assert sides.world.run(1, source_id="a", destination_id="b")["copied"] == 1
    assert sides.world.run(2, source_id="s", destination_id="t")["copied"] == 1
    assert entities(sides.tables[1]) == entities(sides.tables[0])


def test_what_the_guard_keeps_closed_stays_closed(sides: Sides) -> None:
    put(sides.blobs[0], "a")
    closed = service(sides.world)
    plan = SyncPlan(source_id="a", destination_id="b")
    with pytest.raises(Invalid, match="source_id: target a: "):
        closed.check(plan, None)
    with pytest.raises(Refused):
        closed.sync(plan, sides.world.job())
    assert content(sides.blobs[1]) == {}
    sides.world.place("d", TargetKind.SQL, "postgresql://u:secret@127.0.0.1/db")
    port = re.findall(r"BlobEndpoint=http://127\.0\.0\.1:(\d+)", sides.world.text)[0]
    half = service(sides.world, f"{HOST}:{port}")
    with pytest.raises(Blocked) as raised:
        half.sync(SyncPlan(source_id="d", destination_id="b", table="t"), sides.world.job(2))
    assert "secret" not in str(raised.value)


def test_a_projects_target_is_azures_alone_and_never_belfrys(sides: Sides) -> None:
    world, there = sides.world, service(sides.world, HOST)
    world.targets.add("a", 7, world.text, kind="container", container="box")
    world.targets.add("b", 7, "AccountName=shop;AccountKey=a2V5", kind="container", container="box")
    world.targets.add(
        "own", 7, "AccountName=belfryown;AccountKey=a2V5", kind="container", container="box"
    )
    for source, said in (("a", "the endpoint must be https"), ("own", "belfryown is not yours")):
        plan = SyncPlan(source_id=source, destination_id="b")
        with pytest.raises(Invalid, match=said):
            there.check(plan, 7)
        with pytest.raises(Refused, match=said):
            there.sync(plan, job(1, 1, world.clock, project_id=7))
    with pytest.raises(Invalid, match="there is no target 'b'"):
        there.check(SyncPlan(source_id="a", destination_id="b"), 8)


def test_nothing_of_the_sync_opens_a_connection_itself() -> None:
    """Only `reach.py` connects, and only with what the guard said."""
    root = Path(__file__).parents[3] / "shared"
    opens = re.compile(
        r"(?:import|from) (?:socket|urllib\.request|urllib3|requests|httpx|http)\b|psycopg\.connect"
    )
    found: dict[str, Any] = {
        file.name: opens.findall(file.read_text())
        for folder in ("sync", "storage/outside")
        for file in (root / folder).glob("*.py")
    }
    assert {name for name, lines in found.items() if lines} == {"reach.py"}
