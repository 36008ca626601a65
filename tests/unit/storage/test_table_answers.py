"""What a Table makes of the service's answers, and of none."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from azure.core.exceptions import HttpResponseError, ServiceRequestError, ServiceResponseError
from urllib3.exceptions import NewConnectionError, ProtocolError

from shared.errors import Refused, Unavailable
from shared.storage.failures import translated
from shared.storage.tables.batch import Delete, Insert, Merge, Operation, literal
from shared.storage.tables.table import Outcome
from tests.unit.storage.script import Answer, Service, batch, error, refused, written

LOST = requests.ConnectionError(ProtocolError("Connection aborted."))
UNREACHED = requests.ConnectionError(NewConnectionError(None, "refused"))  # type: ignore[arg-type]
TWO: list[Operation] = [Insert("a", {"n": 1}), Delete("b")]


def test_a_commit_gives_an_etag_for_each_operation() -> None:
    service = Service(batch(written('W/"1"'), written()))
    assert service.wire().transact("p", TWO) == Outcome(True, 202, etags=('W/"1"', ""))
    assert service.asked[0].method == "POST"
    assert service.asked[0].url == "https://acct.table.core.windows.net/$batch"
    assert service.asked[0].headers["Content-Type"] == "multipart/mixed; boundary=batch_belfry"
    assert service.timeouts == [(5, 20)]


def test_header_names_may_be_in_any_case() -> None:
    service = Service(batch(written('W/"1"', name="etag")))
    assert service.wire().transact("p", [Insert("a", {})]).etags == ('W/"1"',)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (404, "ResourceNotFound"),
        (404, "EntityNotFound"),
        (409, "EntityAlreadyExists"),
        (412, "UpdateConditionNotSatisfied"),
        (412, "ConditionNotMet"),
    ],
)
def test_a_lost_race_is_an_outcome(status: int, code: str) -> None:
    service = Service(batch(refused(status, code, "17:somebody was faster.")))
    assert service.wire().transact("p", TWO) == Outcome(False, status, 17, code)


def test_a_refusal_may_not_say_which_operation() -> None:
    service = Service(batch(refused(412, "ConditionNotMet", "no.")))
    assert service.wire().transact("p", TWO) == Outcome(False, 412, None, "ConditionNotMet")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (404, "TableNotFound"),
        (400, "InvalidDuplicateRow"),
        (409, "TableBeingDeleted"),
        (403, "AuthorizationFailure"),
        (413, "RequestBodyTooLarge"),
    ],
)
def test_other_refusals_are_errors_within_the_answer_or_as_the_answer(
    status: int, code: str
) -> None:
    for answer in (batch(refused(status, code, "0:no.")), Answer(status, error(code).encode())):
        with pytest.raises(HttpResponseError) as caught:
            Service(answer).wire().transact("p", TWO)
        assert (caught.value.status_code, caught.value.error_code) == (status, code)  # type: ignore[attr-defined]


def test_errors_become_belfrys() -> None:
    with pytest.raises(Refused, match="403 AuthorizationFailure"), translated("tables"):
        Service(batch(refused(403, "AuthorizationFailure", "no"))).wire().transact("p", TWO)
    with pytest.raises(Unavailable, match="404 TableNotFound"), translated("tables"):
        Service(Answer(404, error("TableNotFound").encode())).wire().get("p", "k")
    with pytest.raises(Unavailable, match="did not answer"), translated("tables"):
        Service(*[LOST] * 4).wire().get("p", "k")


@pytest.mark.parametrize("body", [b"", b"<html>gateway</html>", b'["no"]', b"\xff{"])
def test_an_answer_by_something_else_on_the_way_is_an_error(body: bytes) -> None:
    with pytest.raises(HttpResponseError) as caught:
        Service(Answer(418, body)).wire().transact("p", TWO)
    assert caught.value.status_code == 418
    with pytest.raises(HttpResponseError):
        Service(Answer(202, body)).wire().transact("p", TWO)


def test_a_commit_that_tells_of_fewer_operations_is_not_believed() -> None:
    with pytest.raises(HttpResponseError):
        Service(batch(written('W/"1"'))).wire().transact("p", TWO)


@pytest.mark.parametrize(
    "passing",
    [
        LOST,
        UNREACHED,
        requests.ReadTimeout(),
        Answer(503),
        Answer(500),
        Answer(408),
        Answer(429),
        batch(refused(503, "ServerBusy", "0:busy")),
        batch(refused(500, "OperationTimedOut", "0:slow")),
    ],
)
def test_what_may_pass_is_tried_again_at_once_and_said(passing: Answer | Exception) -> None:
    service = Service(passing, batch(refused(412, "ConditionNotMet", "0:x.")))
    outcome = service.wire().transact("p", TWO)
    assert outcome == Outcome(False, 412, 0, "ConditionNotMet", retried=True)
    assert service.slept == []
    assert service.asked[0].body == service.asked[1].body


def test_the_fourth_failure_is_the_last() -> None:
    service = Service(*[Answer(503, error("ServerBusy").encode())] * 9)
    with pytest.raises(HttpResponseError) as caught:
        service.wire().transact("p", TWO)
    assert caught.value.error_code == "ServerBusy"  # type: ignore[attr-defined]
    assert len(service.asked) == 4
    assert service.slept == [0.4, 0.8]
    inner = Service(*[batch(refused(503, "ServerBusy", "0:busy"))] * 9)
    with pytest.raises(HttpResponseError) as caught:
        inner.wire().transact("p", TWO)
    assert (caught.value.status_code, len(inner.asked)) == (503, 4)
    for failure, kind in ((LOST, ServiceResponseError), (UNREACHED, ServiceRequestError)):
        with pytest.raises(kind):
            Service(*[failure] * 4).wire().transact("p", TWO)


def test_retry_after_is_obeyed() -> None:
    service = Service(Answer(503, headers={"Retry-After": "3"}), batch(written("x"), written()))
    assert service.wire().transact("p", TWO).committed
    assert service.slept == [3]


def test_a_lost_race_is_not_tried_again() -> None:
    service = Service(batch(refused(412, "ConditionNotMet", "0:x.")))
    assert not service.wire().transact("p", [Merge("a", "x", {})]).retried
    assert len(service.asked) == 1


def test_a_query_follows_where_the_service_continues() -> None:
    service = Service(
        Answer(
            200,
            b'{"value":[{"odata.etag":"1","PartitionKey":"p","RowKey":"a","n":1}]}',
        )
        | {"x-ms-continuation-NextPartitionKey": "1!4!cA--", "x-ms-continuation-NextRowKey": "é+"},
        Answer(200, b'{"value":[]}') | {"x-ms-continuation-NextPartitionKey": "q"},
        Answer(200, b'{"value":[{"odata.etag":"2","PartitionKey":"q","RowKey":"b"}]}'),
    )
    rows = service.wire().query(
        f"RowKey ge {literal('it')} and x ne {literal(chr(39))}", top=7, select=["n", "x"]
    )
    assert list(rows) == [
        {"PartitionKey": "p", "RowKey": "a", "n": 1, "etag": "1"},
        {"PartitionKey": "q", "RowKey": "b", "etag": "2"},
    ]
    asked = [parse_qs(urlsplit(str(request.url)).query) for request in service.asked]
    plain = {"$filter": ["RowKey ge 'it' and x ne ''''"], "$top": ["7"], "$select": ["n,x"]}
    assert asked == [
        plain,
        plain | {"NextPartitionKey": ["1!4!cA--"], "NextRowKey": ["é+"]},
        plain | {"NextPartitionKey": ["q"]},
    ]


def test_a_query_without_a_filter_sends_none() -> None:
    service = Service(Answer(200, b'{"value":[]}'))
    assert list(service.wire().query("", top=5)) == []
    assert str(service.asked[0].url).endswith("/tests()?$top=5")


def test_a_query_fails_where_its_page_does() -> None:
    service = Service(
        Answer(200, b'{"value":[{"RowKey":"a"}]}') | {"x-ms-continuation-NextPartitionKey": "q"},
        Answer(404, error("TableNotFound").encode()),
    )
    rows = service.wire().query("", top=1)
    assert next(rows)["RowKey"] == "a"
    with pytest.raises(HttpResponseError):
        next(rows)


def test_annotated_properties_are_read_as_what_they_are() -> None:
    service = Service(
        Answer(
            200,
            b'{"odata.metadata":"https://m","odata.etag":"1","PartitionKey":"p","RowKey":"k",'
            b'"Timestamp":"2026-01-01T00:00:00.1234567Z","plain":"5",'
            b'"big@odata.type":"Edm.Int64","big":"5000000000",'
            b'"at@odata.type":"Edm.DateTime","at":"2026-01-01T00:00:00.1234567Z",'
            b'"nan@odata.type":"Edm.Double","nan":"Infinity",'
            b'"raw@odata.type":"Edm.Binary","raw":"aGk=",'
            b'"id@odata.type":"Edm.Guid","id":"c9da6455-213d-42c9-9a79-3e9149a57833"}',
        )
    )
    assert service.wire().get("p", "k") == {
        **{"PartitionKey": "p", "RowKey": "k", "etag": "1", "plain": "5", "big": 5_000_000_000},
        "at": datetime(2026, 1, 1, 0, 0, 0, 123456, tzinfo=UTC),
        **{"nan": float("inf"), "raw": b"hi", "id": "c9da6455-213d-42c9-9a79-3e9149a57833"},
    }


def test_text_that_looks_like_an_annotation_stays_text() -> None:
    service = Service(Answer(200, b'{"PartitionKey":"p","t":"a@odata.type","odata.etag":"1"}'))
    assert service.wire().get("p", "k") == {"PartitionKey": "p", "t": "a@odata.type", "etag": "1"}


def test_a_missing_row_is_none_and_a_missing_table_an_error() -> None:
    assert Service(Answer(404, error("ResourceNotFound").encode())).wire().get("p", "k") is None
    with pytest.raises(HttpResponseError):
        Service(Answer(404, error("TableNotFound").encode())).wire().get("p", "k")
    with pytest.raises(HttpResponseError):
        Service(Answer(404, b"no such site")).wire().get("p", "k")
