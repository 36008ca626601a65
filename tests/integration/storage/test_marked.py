"""A write whose answer was lost is known by its mark; another's write is not taken for it."""

from __future__ import annotations

from azure.data.tables import TableClient

from local.azurite import Azurite
from shared.storage.connect import Connection
from shared.storage.tables.batch import Delete, Insert, Replace
from shared.storage.tables.marked import marked, write
from tests.integration.storage.test_table import Lossy, account, sdk

__all__ = ["sdk"]


def test_a_lost_answer_is_known_by_the_mark_of_the_row(azurite: Azurite, sdk: TableClient) -> None:
    lossy = Lossy()
    table = Connection(account(azurite), lossy).table(sdk.table_name)
    etag = write(table, "p", [Insert("a", marked({"n": 1}))])
    found = table.get("p", "a")
    assert etag is not None and found is not None and found["etag"] == etag
    lossy.lost.clear()
    after = write(table, "p", [Replace("a", etag, marked({"n": 2})), Insert("b", {})])
    assert after not in (None, etag), "the write that was sent twice was done once"
    assert write(table, "p", [Replace("a", etag, marked({"n": 3}))]) is None
    lossy.lost.clear()
    assert write(table, "p", [Replace("a", etag, marked({"n": 3}))]) is None, "another's mark"
    lossy.lost.clear()
    assert write(table, "p", [Delete("a", str(after))]) == "", "gone is what was wanted"
    assert write(table, "p", [Delete("a", str(after))]) is None
