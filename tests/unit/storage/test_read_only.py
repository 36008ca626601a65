"""What a dry run may not do to storage is refused before it is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from shared.errors import Refused
from shared.settings import Secret, StorageAccount
from shared.storage.connect import Connection
from shared.storage.tables.batch import Upsert
from tests.unit.storage.server import Server, says

AT = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(says(200, b'{"value":[]}')) as made:
        yield made


@pytest.fixture
def connection(server: Server) -> Connection:
    return Connection(account(server), read_only=True)


def account(server: Server) -> StorageAccount:
    kinds = ("Table", "Queue", "Blob")
    text = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;"
    ends = ";".join(f"{kind}Endpoint={server.url}/a" for kind in kinds)
    return StorageAccount(connection_string=Secret(text + ends))


WRITES: dict[str, Callable[[Connection], object]] = {
    "a row": lambda to: to.table("t").transact("p", [Upsert("k", {})]),
    "a queue": lambda to: to.create_queue("q"),
    "a container": lambda to: to.container("c").create_container(),
    "a blob": lambda to: to.container("c").upload_blob("b", b"x"),
    "no blob": lambda to: to.container("c").delete_blob("b"),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_a_write_is_refused_and_not_sent(
    server: Server, connection: Connection, write: Callable[[Connection], object]
) -> None:
    others = connection.to(account(server))
    for to in (connection, others, connection.cancellable(lambda: None)):
        with pytest.raises(Refused, match="a dry run changes nothing, so it may not"):
            write(to)
    assert server.asked == []


def test_a_table_that_is_missing_is_not_made_and_reads_as_empty() -> None:
    gone = says(404, b"{}", x_ms_error_code="TableNotFound")
    with Server(gone, gone) as server:
        to = Connection(account(server), read_only=True)
        to.create_table("t")
        assert server.asked == []
        assert to.table("t").get("p", "k") is None
        assert list(to.table("t").query("")) == []
        assert len(server.asked) == 2


def test_what_is_stored_can_be_read(server: Server, connection: Connection) -> None:
    assert list(connection.table("t").query("")) == []
    assert len(server.asked) == 1
