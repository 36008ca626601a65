"""What is expected, and what answers mean; hostile bodies and paths among them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.errors import Invalid
from shared.outgoing import Answer
from shared.outgoing.inner import hold_record
from shared.probes import json_paths
from shared.probes.expectations import BODY, of_answer, of_certificate, of_records, of_value
from shared.probes.model import Standing
from shared.probes.params import OF_KIND, HealthCheck
from shared.resources.targets import TargetKind


def wanted(**given: Any) -> HealthCheck:
    return HealthCheck.model_validate(given)


def answer(body: bytes = b"", status: int = 200, *, cut: bool = False, **headers: str) -> Answer:
    return Answer(
        url="http://example.com/",
        status=status,
        headers=tuple((name.replace("_", "-"), value) for name, value in headers.items()),
        body=body,
        cut=cut,
        address="192.0.2.1",
        connected_after=0.01,
        first_byte_after=0.1,
        ended_after=0.2,
    )


@pytest.mark.parametrize(
    ("given", "came", "said"),
    [
        ({}, answer(), ""),
        ({}, answer(status=299), ""),
        ({}, answer(status=300), "it answered 300, and not 200-299"),
        ({"statuses": ["204", "300-308"]}, answer(status=301), ""),
        ({"statuses": ["204"]}, answer(), "it answered 200"),
        ({"contains": "well"}, answer(b"all is well"), ""),
        ({"contains": "wéll"}, answer("wéll".encode()), ""),
        ({"contains": "well"}, answer(b"ill"), "does not contain 'well'"),
        ({"contains": "x"}, answer(b"y", cut=True), f"in its first {BODY} bytes"),
        ({"contains": "x"}, answer(b"x", Content_Encoding="gzip"), "compressed (gzip)"),
        ({"lacks": "error"}, answer(b"no err"), ""),
        ({"lacks": "error"}, answer(b"an error"), "contains 'error'"),
        ({"lacks": "error"}, answer(b"a", cut=True), "nobody knows"),
        ({"header": "content-type"}, answer(Content_Type="text/plain"), ""),
        ({"header": "X-Up"}, answer(), "it has no header X-Up"),
        ({"header": "A", "header_contains": "b"}, answer(a="abc"), ""),
        ({"header": "A", "header_contains": "x"}, answer(a="abc"), "does not contain 'x'"),
        ({"json_path": "$.a[0].b"}, answer(b'{"a":[{"b":null}]}'), ""),
        ({"json_path": "$.a"}, answer(b"{}"), "nothing at $.a"),
        ({"json_path": "$.a", "json_value": "ok"}, answer(b'{"a":"ok"}'), ""),
        ({"json_path": "$.a", "json_value": "true"}, answer(b'{"a":true}'), ""),
        ({"json_path": "$.a", "json_value": "1"}, answer(b'{"a":2}'), "$.a is '2', and not '1'"),
        ({"json_path": "$.a"}, answer(b"<html>"), "the answer is no JSON"),
        ({"json_path": "$.a"}, answer(b"{}", cut=True), "its JSON is longer"),
        ({"json_path": "$.a"}, answer(b"\xff\xfe\x00"), "no JSON"),
        ({"json_path": "$..a"}, answer(b"[" * 100_000), "more than 60 levels"),
        ({"json_path": "$..a"}, answer(b'{"a":' * 200 + b"1" + b"}" * 200), "more than 60 levels"),
        ({"json_path": "$.a"}, answer(b"[" + b"9" * 100_000 + b"]"), "no JSON"),
    ],
)
def test_an_answer_is_as_expected_or_says_why_not(
    given: dict[str, Any], came: Answer, said: str
) -> None:
    found = of_answer(wanted(url="http://example.com/", **given), came)
    assert (found.status is Standing.DOWN) == bool(said)
    assert said in found.said and len(found.said) <= 500
    assert found.facts["http_status"] == came.status and found.milliseconds == 200


def test_what_is_slow_is_degraded_and_what_is_wrong_is_down_however_fast() -> None:
    assert of_answer(wanted(slow_after_ms=199), answer()).status is Standing.DEGRADED
    assert of_answer(wanted(slow_after_ms=200), answer()).status is Standing.UP
    assert of_answer(wanted(slow_after_ms=1), answer(status=500)).status is Standing.DOWN


@pytest.mark.parametrize(
    "path",
    [
        "$[?match(@.a, '(a+)+')]",
        "$[?search(@.a,'(a+)+')]",
        "$..a..b",
        "$[?@[?@.a]]",
        "$[*][*][*][*]",
        "$['a','b']",
        "$[?@.a == $.b]",
        "$" + ".a" * 200,
        "a.b",
        "$.a =~ /x/",
        "[" * 150,
        "$.a | $.b",
        f"$..[?!(@.a{'&&@.a' * 28})]",
        f"$..[?count(@{'[::]' * 22}) == -1]",
        f"$..[1::]{'[::]' * 40}",
        "",
    ],
)
def test_a_path_that_could_cost_much_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        json_paths.hold(path)


def test_the_dearest_path_walks_through_the_largest_document_once() -> None:
    """A walk of 8,000 objects; with a second one in each of them it would be 64 million."""
    document = json.dumps([{"a": [n, n]} for n in range(8000)]).encode()
    assert len(document) < BODY
    for path in ("$..[?@.z == 1]", "$[*][*][*].z", "$..[?count(@.*) > 9999]"):
        json_paths.hold(path)
        assert json_paths.value(path, document) == (False, "")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"url": "http://a.example/", "target_id": 4}, "not both"),
        ({"statuses": ["20"]}, "such as 200"),
        ({"statuses": ["299-200"]}, "such as 200"),
        ({"statuses": []}, "at least 1"),
        ({"json_path": "$["}, "no JSON path"),
        ({"json_value": "x"}, "needs json_path"),
        ({"header_contains": "x"}, "needs header"),
        ({"header": "a b"}, "name of a header"),
        ({"method": "POST"}, "GET"),
        ({"method": "HEAD", "contains": "x"}, "HEAD has no body"),
        ({"query": "SELECT 1; DROP TABLE a"}, "without ;"),
        ({"timeout_seconds": 31}, "30"),
        ({"failures_before_down": 0}, "1"),
        ({"surprise": 1}, "not permitted"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        wanted(**given)


def test_each_expectation_is_of_a_kind_and_refused_for_the_others() -> None:
    common = {
        *("target_id", "url", "timeout_seconds", "slow_after_ms", "failures_before_down"),
        *("successes_before_up", "fail_when_down", "notify_on_completion", "notification_emails"),
    }
    assert set(HealthCheck.model_fields) == common.union(*OF_KIND.values())
    wanted(target_id=4, days_left=3).hold(TargetKind.TLS)
    for kind in (TargetKind.HTTP, TargetKind.DNS, None):
        with pytest.raises(Invalid, match="days_left"):
            wanted(target_id=4, days_left=3).hold(kind)
    with pytest.raises(Invalid, match="it is of kind table"):
        wanted(target_id=4).hold(TargetKind.TABLE)


@pytest.mark.parametrize(
    "name",
    [
        *("localhost", "redis", "vault.internal", "db.local", "a.internal.cloudapp.net"),
        *("shop.privatelink.postgres.database.azure.com", "1.0.168.192.in-addr.arpa", "10.0.0.1"),
        *(
            "a..b.com",
            "-a.com",
            "a b.com",
            "a.com/x",
            "a" * 64 + ".com",
            "é.com",
            "printer.home.arpa",
        ),
    ],
)
def test_names_of_inner_networks_are_never_looked_up(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        hold_record(name)
    for fine in ("example.org", "_sip._tcp.example.org", "a.b.co.uk.", "xn--bcher-kva.de"):
        hold_record(fine)


def test_records_values_and_certificates() -> None:
    found = ("10 mx1.example.org.", "20 mx2.example.org.")
    assert of_records(wanted(record_values=["10 MX1.example.org"]), found, 5).status is Standing.UP
    wrong = of_records(wanted(record_values=["10 mx3.example.org"]), found, 5)
    assert wrong.status is Standing.DOWN and "mx1" in wrong.said
    assert of_value(wanted(), None, 5).status is Standing.UP
    assert of_value(wanted(query_value="1"), "1", 5).status is Standing.UP
    assert "no row" in of_value(wanted(query_value="1"), None, 5).said
    assert of_certificate(wanted(), 14, "", 5).status is Standing.UP
    assert "13 days, and not for 14" in of_certificate(wanted(), 13, "", 5).said
    assert "not good: expired" in of_certificate(wanted(), 90, "expired", 5).said
