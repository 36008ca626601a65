"""A Table against Azurite, beside azure-data-tables on the same table."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from azure.core.exceptions import HttpResponseError, ServiceResponseError
from azure.core.pipeline.transport import RequestsTransport
from azure.data.tables import EdmType, EntityProperty, TableClient, TableServiceClient

from local.azurite import Azurite
from shared.settings import Secret, StorageAccount
from shared.storage.connect import Connection
from shared.storage.tables.batch import Delete, Insert, Merge, Replace, Upsert, literal
from shared.storage.tables.table import Outcome, Table

_tables = itertools.count()
VALUES = {
    **{"on": True, "off": False, "zero": 0, "count": 2**31 - 1, "low": -(2**31), "empty": ""},
    **{"long": "x" * 30_000, "text": "Grüße, 日本語 😀 \u2028 'quoted' \"twice\" {a}\r\n\t\\ --"},
}
ODD = ["it's", "two words", "schedule:1", "Ünï€😀", "50%+{x}", "a&b=c;d,e", "(x)", "%2F"]


def account(azurite: Azurite) -> StorageAccount:
    return StorageAccount(connection_string=Secret(azurite.connection_string))


@pytest.fixture
def sdk(azurite: Azurite) -> Iterator[TableClient]:
    with TableServiceClient.from_connection_string(azurite.connection_string) as service:
        yield service.create_table(f"wire{next(_tables)}")


@pytest.fixture
def wire(azurite: Azurite, sdk: TableClient) -> Table:
    return Connection(account(azurite)).table(sdk.table_name)


def everything(wire: Table) -> dict[str, dict[str, Any]]:
    return {row["RowKey"]: row for row in wire.query("", top=1000)}


def test_a_transaction_happens_whole(wire: Table) -> None:
    first = wire.transact("p", [Insert("a", {"n": 1, "kept": "k"}), Upsert("b", {"n": 1, "m": 1})])
    assert (first.committed, first.status, first.retried) == (True, 202, False)
    second = wire.transact(
        "p",
        [Merge("a", first.etags[0], {"n": 2}), Upsert("b", {"n": 2}), Insert("c", {})],
    )
    third = wire.transact("p", [Delete("c", second.etags[2]), Insert("d", {})])
    assert third.etags[0] == ""
    assert everything(wire) == {
        "a": {"PartitionKey": "p", "RowKey": "a", "n": 2, "kept": "k", "etag": second.etags[0]},
        "b": {"PartitionKey": "p", "RowKey": "b", "n": 2, "etag": second.etags[1]},
        "d": {"PartitionKey": "p", "RowKey": "d", "etag": third.etags[1]},
    }


@pytest.mark.parametrize(
    ("last", "status", "code"),
    [
        (Merge("a", "stale", {"n": 9}), 412, "UpdateConditionNotSatisfied"),
        (Delete("a", "stale"), 412, "UpdateConditionNotSatisfied"),
        (Replace("a", "stale", {"n": 9}), 412, "UpdateConditionNotSatisfied"),
        (Insert("a", {"n": 9}), 409, "EntityAlreadyExists"),
        (Delete("gone"), 404, "ResourceNotFound"),
        (Merge("gone", "*", {}), 404, "ResourceNotFound"),
        (Replace("gone", "*", {}), 404, "ResourceNotFound"),
    ],
)
def test_one_refusal_leaves_everything_as_it_was(
    wire: Table, last: Any, status: int, code: str
) -> None:
    old = wire.transact("p", [Insert("a", {"n": 1}), Insert("b", {"n": 1})]).etags
    wire.transact("p", [Merge("a", old[0], {"n": 2})])
    before = everything(wire)
    if getattr(last, "etag", "") == "stale":
        last = replace(last, etag=old[0])
    outcome = wire.transact("p", [Insert("new", {}), Upsert("b", {"n": 9}), last])
    assert outcome == Outcome(False, status, 2, code)
    assert everything(wire) == before


def test_the_sdk_reads_what_a_wire_wrote(wire: Table, sdk: TableClient) -> None:
    etags = wire.transact("p", [Insert("i", VALUES), Upsert("u", VALUES)]).etags
    wire.transact("p", [Insert("m", {"other": 1})])
    merged = wire.transact("p", [Merge("m", "*", VALUES)]).etags
    for key, etag in zip("ium", etags + merged, strict=True):
        entity = sdk.get_entity("p", key)
        assert entity.metadata["etag"] == etag
        assert {**entity, "other": 1} == VALUES | {"PartitionKey": "p", "RowKey": key, "other": 1}


def test_a_replacement_leaves_nothing_of_what_was_there(wire: Table) -> None:
    [etag] = wire.transact("p", [Insert("a", {"n": 1, "old": 1})]).etags
    [etag] = wire.transact("p", [Replace("a", etag, {"n": 2})]).etags
    assert wire.get("p", "a") == {"PartitionKey": "p", "RowKey": "a", "n": 2, "etag": etag}


def test_annotated_properties_are_of_their_types(wire: Table, sdk: TableClient) -> None:
    values = {
        "big": ("Edm.Int64", str(2**40), EntityProperty(2**40, EdmType.INT64)),
        "raw": ("Edm.Binary", "AP8=", b"\x00\xff"),
        "id": ("Edm.Guid", "c9da6455-213d-42c9-9a79-3e9149a57833", UUID(int=0)),
        "whole": ("Edm.Double", 3.0, 3.0),
        "endless": ("Edm.Double", "-Infinity", float("-inf")),
        "at": ("Edm.DateTime", "2026-01-02T03:04:05.1234567Z", None),
    }
    given: dict[str, Any] = {}
    for name, (kind, value, _) in values.items():
        given |= {f"{name}@odata.type": kind, name: value}
    wire.transact("p", [Upsert("k", given)])
    found = sdk.get_entity("p", "k")
    assert found["at"].tables_service_value == "2026-01-02T03:04:05.1234567Z"
    expected = {name: value for name, (_, _, value) in values.items()}
    expected |= {"id": UUID(str(values["id"][1])), "at": found["at"]}
    assert found == expected | {"PartitionKey": "p", "RowKey": "k"}
    assert type(found["whole"]) is float


def test_a_wire_reads_what_the_sdk_wrote(wire: Table, sdk: TableClient) -> None:
    at = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
    others = {"at": at, "raw": b"\x00hi", "half": 0.5}
    big: EntityProperty = EntityProperty(value=2**40, edm_type=EdmType.INT64)
    made = sdk.create_entity({"PartitionKey": "p", "RowKey": "k", "big": big, **VALUES, **others})
    expected = VALUES | others | {"big": 2**40, "PartitionKey": "p", "RowKey": "k"}
    assert wire.get("p", "k") == expected | {"etag": made["etag"]}
    assert list(wire.query("RowKey eq 'k'", top=5)) == [expected | {"etag": made["etag"]}]


@pytest.mark.parametrize("key", ODD)
def test_odd_keys_are_keys(wire: Table, sdk: TableClient, key: str) -> None:
    [etag] = wire.transact(key, [Insert(key, {"n": 1})]).etags
    outcome = wire.transact(key, [Merge(key, etag, {"n": 2})])
    row = {"PartitionKey": key, "RowKey": key, "n": 2}
    assert wire.get(key, key) == row | {"etag": outcome.etags[0]}
    assert sdk.get_entity(key, key) == row
    where = f"PartitionKey eq {literal(key)} and RowKey eq {literal(key)}"
    assert [found["n"] for found in wire.query(where, top=10)] == [2]
    assert wire.transact(key, [Delete(key, outcome.etags[0])]).committed
    assert wire.get(key, key) is None


def test_a_query_goes_on_to_the_last_row(wire: Table) -> None:
    keys = [f"k{number:04d}" for number in range(2500)]
    for start in range(0, 2500, 100):
        partition = f"it's {start // 1000}"
        wire.transact(partition, [Insert(key, {"n": 1}) for key in keys[start : start + 100]])
    rows = list(wire.query("n eq 1", top=1000))
    assert [row["RowKey"] for row in rows] == keys
    first = rows[0]
    few = next(wire.query("PartitionKey eq 'it''s 0'", top=1, select=["RowKey"]))
    assert few == {"RowKey": "k0000", "etag": first["etag"]}
    assert list(wire.query("n eq 2", top=1000)) == []


def test_a_missing_row_is_none_and_a_missing_table_an_error(azurite: Azurite, wire: Table) -> None:
    assert wire.get("p", "k") is None
    nowhere = Connection(account(azurite)).table("nowhere")
    for call in (
        lambda: nowhere.get("p", "k"),
        lambda: list(nowhere.query("", top=1)),
        lambda: nowhere.transact("p", [Insert("k", {})]),
    ):
        with pytest.raises(HttpResponseError) as caught:
            call()
        assert caught.value.error_code == "TableNotFound"  # type: ignore[attr-defined]


def test_a_wrong_key_is_refused(azurite: Azurite) -> None:
    text = azurite.connection_string.replace("AccountKey=Eby8", "AccountKey=AAAA")
    wire = Connection(StorageAccount(connection_string=Secret(text))).table("any")
    with pytest.raises(HttpResponseError) as caught:
        wire.get("p", "k")
    assert caught.value.status_code == 403


class Lossy(RequestsTransport):  # type: ignore[misc]
    """Loses the answer to each first request of a kind, after it was sent."""

    def __init__(self) -> None:
        super().__init__()
        self.lost: set[str] = set()

    def send(self, request: Any, **options: Any) -> Any:
        answer = super().send(request, **options)
        if request.method not in self.lost:
            self.lost.add(request.method)
            raise ServiceResponseError("the answer was lost")
        return answer


def test_a_refusal_after_a_lost_answer_says_that_it_may_be_ones_own(
    azurite: Azurite, sdk: TableClient
) -> None:
    wire = Connection(account(azurite), Lossy()).table(sdk.table_name)
    outcome = wire.transact("p", [Insert("a", {"by": "me"})])
    assert outcome == Outcome(False, 409, 0, "EntityAlreadyExists", retried=True)
    found = wire.get("p", "a")
    assert found is not None
    assert found["by"] == "me"
    again = wire.transact("p", [Merge("a", found["etag"], {"n": 1})])
    assert (again.committed, again.retried) == (True, False)


def test_of_many_threads_on_one_wire_each_merge_has_one_winner(wire: Table) -> None:
    [etag] = wire.transact("p", [Insert("shared", {"n": 0})]).etags
    won: list[int] = []

    def race(number: int) -> None:
        own = [Insert(f"{number}-{index}", {}) for index in range(20)]
        if wire.transact("p", [Merge("shared", etag, {"n": number}), *own]).committed:
            won.append(number)

    threads = [threading.Thread(target=race, args=(number,)) for number in range(1, 17)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = everything(wire)
    assert [rows["shared"]["n"]] == won
    assert set(rows) == {"shared", *(f"{won[0]}-{index}" for index in range(20))}
