"""A transaction as bytes."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.storage.tables.batch import MAX_BYTES, Delete, Insert, Merge, Replace, Upsert, encode

TABLE = "https://acct.table.core.windows.net/tests"
GOLDEN = """\
--batch_belfry
Content-Type: multipart/mixed; boundary=changeset_belfry

--changeset_belfry
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 0

POST https://acct.table.core.windows.net/tests HTTP/1.1
Accept: application/json;odata=minimalmetadata
DataServiceVersion: 3.0;
Prefer: return-no-content
Content-Type: application/json
Content-Length: 65

{"PartitionKey":"s1","RowKey":"a","on":true,"count":3,"empty":""}
--changeset_belfry
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 1

PUT https://acct.table.core.windows.net/tests(PartitionKey='s1',RowKey='b') HTTP/1.1
Accept: application/json;odata=minimalmetadata
DataServiceVersion: 3.0;
Prefer: return-no-content
Content-Type: application/json
Content-Length: 47

{"PartitionKey":"s1","RowKey":"b","t":"\\u00e9"}
--changeset_belfry
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 2

PATCH https://acct.table.core.windows.net/tests(PartitionKey='s1',RowKey='c') HTTP/1.1
Accept: application/json;odata=minimalmetadata
DataServiceVersion: 3.0;
If-Match: W/"1"
Prefer: return-no-content
Content-Type: application/json
Content-Length: 40

{"PartitionKey":"s1","RowKey":"c","n":1}
--changeset_belfry
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 3

DELETE https://acct.table.core.windows.net/tests(PartitionKey='s1',RowKey='d') HTTP/1.1
Accept: application/json;odata=minimalmetadata
DataServiceVersion: 3.0;
If-Match: *


--changeset_belfry--
--batch_belfry--
"""


def test_a_transaction_is_written_as_microsofts_page_shows_it() -> None:
    body = encode(
        TABLE,
        "s1",
        [
            Insert("a", {"on": True, "count": 3, "empty": ""}),
            Upsert("b", {"t": "é"}),
            Merge("c", 'W/"1"', {"n": 1}),
            Delete("d"),
        ],
    )
    assert body.decode("ascii") == GOLDEN.replace("\n", "\r\n")


def test_a_replacement_is_an_upsert_of_what_is_as_it_was() -> None:
    [put, replaced] = (
        encode(TABLE, "p", [one]).decode()
        for one in (Upsert("k", {"n": 1}), Replace("k", 'W/"1"', {"n": 1}))
    )
    assert replaced == put.replace("Prefer: ", 'If-Match: W/"1"\r\nPrefer: ')


@pytest.mark.parametrize(
    ("key", "url"),
    [
        ("it's", "RowKey='it%27%27s')"),
        ("two words", "RowKey='two%20words')"),
        ("schedule:1", "RowKey='schedule%3A1')"),
        ("é€😀", "RowKey='%C3%A9%E2%82%AC%F0%9F%98%80')"),
        ("50%+{x}", "RowKey='50%25%2B%7Bx%7D')"),
    ],
)
def test_keys_are_quoted_in_addresses(key: str, url: str) -> None:
    assert url in encode(TABLE, "p", [Delete(key)]).decode()
    assert url.replace("RowKey", "PartitionKey")[:-1] in encode(TABLE, key, [Delete("k")]).decode()


@given(text=st.text(), key=st.text(min_size=1))
def test_no_value_can_end_its_part_of_the_body(text: str, key: str) -> None:
    body = encode(TABLE, "p", [Insert(key, {"text": text}), Upsert(key, {"text": text})])
    parts = body.split(b"--changeset_belfry\r\n")[1:]
    assert len(parts) == 2
    for part in parts:
        head, _, rest = part.partition(b"\r\nContent-Length: ")
        length, _, content = rest.partition(b"\r\n\r\n")
        assert re.search(rb"\r\n(POST|PUT) \S+ HTTP/1.1\r\n", head)
        found: dict[str, Any] = json.loads(content[: int(length)])
        assert found == {"PartitionKey": "p", "RowKey": key, "text": text}
        assert content[int(length) :].startswith(b"\r\n")


def test_one_to_100_operations_make_a_transaction() -> None:
    encode(TABLE, "p", [Delete(str(number)) for number in range(100)])
    with pytest.raises(ValueError, match="101 operations"):
        encode(TABLE, "p", [Delete(str(number)) for number in range(101)])
    with pytest.raises(ValueError, match="0 operations"):
        encode(TABLE, "p", [])


def test_a_transaction_ends_at_4_mib() -> None:
    spare = MAX_BYTES - len(encode(TABLE, "p", [Insert("k", {"t": "x" * 1_000_000})])) + 1_000_000
    assert len(encode(TABLE, "p", [Insert("k", {"t": "x" * spare})])) == MAX_BYTES
    with pytest.raises(ValueError, match="4194305 bytes"):
        encode(TABLE, "p", [Insert("k", {"t": "x" * (spare + 1)})])


@pytest.mark.parametrize(
    "value", [object(), b"", float("nan"), float("inf"), 2**31, -(2**31) - 1, 2**40]
)
def test_a_value_the_service_would_not_take_is_refused(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        encode(TABLE, "p", [Insert("k", {"t": value})])
