"""How a Table proves who asks, and how it is made from settings."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from azure.core.credentials import AccessToken, AzureNamedKeyCredential
from azure.core.exceptions import ServiceRequestError
from azure.core.pipeline import PipelineContext, PipelineRequest
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest
from azure.data.tables._authentication import SharedKeyCredentialPolicy
from azure.data.tables._common_conversion import _sign_string

from shared.clock import ManualClock
from shared.errors import Misconfigured, Refused
from shared.identity.tokens import credential, forget
from shared.settings import Secret, StorageAccount
from shared.storage.account import credential as signed_in
from shared.storage.checked import CheckedClock
from shared.storage.connect import Connection
from shared.storage.failures import translated
from shared.storage.lean import Lean
from shared.storage.rest import Rest
from shared.storage.signing import SharedKey
from shared.storage.tables.batch import Delete
from tests.clocks import SkippingClock
from tests.unit.storage.script import KEY, Answer, Service, batch, written
from tests.vendors import entra

ROW = b'{"PartitionKey":"p","RowKey":"k"}'
EMULATOR = "http://127.0.0.1:10002/devstoreaccount1"


def signature(date: str, resource: str) -> str:
    """Microsoft's formula for Shared Key Lite of the Table service."""
    secret = base64.b64decode(KEY.key)
    signed = hmac.new(secret, f"{date}\n{resource}".encode(), hashlib.sha256).digest()
    return f"SharedKeyLite acct:{base64.b64encode(signed).decode()}"


def header(asked: requests.PreparedRequest, name: str) -> str:
    return str(asked.headers[name])


def test_a_request_is_signed_by_the_documented_formula() -> None:
    service = Service(Answer(200, ROW), batch(written("1")), Answer(200, b'{"value":[]}'))
    wire = service.wire()
    wire.get("p", "it's é")
    wire.transact("p", [Delete("k")])
    list(wire.query("RowKey eq 'k'", top=5))
    for asked, path in zip(
        service.asked,
        [
            "/tests(PartitionKey='p',RowKey='it%27%27s%20%C3%A9')",
            "/$batch",
            "/tests()",
        ],
        strict=True,
    ):
        assert urlsplit(str(asked.url)).path == path
        expected = signature(header(asked, "x-ms-date"), f"/acct{path}")
        assert asked.headers["Authorization"] == expected


def test_the_signature_is_azure_data_tables_own() -> None:
    service = Service(Answer(200, ROW))
    service.wire(url=f"{EMULATOR}/").get("p", "it's é")
    asked = service.asked[0]
    sdk: Any = SharedKeyCredentialPolicy(AzureNamedKeyCredential(KEY.account, KEY.key))  # type: ignore[no-untyped-call]
    request: PipelineRequest[Any] = PipelineRequest(
        HttpRequest("GET", str(asked.url)), PipelineContext(None)
    )
    text = f"{header(asked, 'x-ms-date')}\n{sdk._get_canonicalized_resource(request)}"
    sign: Any = _sign_string
    assert "/acct/devstoreaccount1/tests(" in text
    assert asked.headers["Authorization"] == f"SharedKeyLite acct:{sign(KEY.key, text)}"


class Passing(ManualClock):
    """Twenty minutes pass from one look to the next."""

    def now(self) -> datetime:
        return self.advance(timedelta(minutes=20))


def test_each_attempt_is_signed_anew() -> None:
    clock = CheckedClock(Passing(datetime(2025, 12, 31, 23, 40, tzinfo=UTC)))
    service = Service(Answer(503), batch(written("1")))
    service.wire(clock=clock).transact("p", [Delete("k")])
    first, second = (
        (header(asked, "x-ms-date"), header(asked, "Authorization")) for asked in service.asked
    )
    assert first[0].endswith("00:00:00 GMT")
    assert second == ("Thu, 01 Jan 2026 00:20:00 GMT", signature(second[0], "/acct/$batch"))


class Identity:
    """A credential that counts."""

    def __init__(self) -> None:
        self.scopes: list[str] = []

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.scopes += scopes
        return AccessToken(f"token-{len(self.scopes)}", int(time.time()) + 3600)


def test_an_identity_is_asked_once_for_a_token_which_every_request_bears() -> None:
    service, identity = Service(Answer(200, ROW), Answer(503), Answer(200, ROW)), Identity()
    wire = service.wire(identity)
    wire.get("p", "k")
    wire.get("p", "k")
    assert identity.scopes == ["https://storage.azure.com/.default"]
    assert [asked.headers["Authorization"] for asked in service.asked] == ["Bearer token-1"] * 3
    assert service.asked[0].headers["x-ms-version"] == "2020-12-06"


def test_a_token_is_not_sent_in_the_open() -> None:
    service = Service(Answer(200, ROW))
    with pytest.raises(ServiceRequestError, match="https"):
        service.wire(Identity(), url=EMULATOR).get("p", "k")
    assert service.asked == []


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (f"AccountName=acct;AccountKey={KEY.key}", "https://acct.table.core.windows.net/t"),
        (
            f"DefaultEndpointsProtocol=http;AccountName=acct;AccountKey={KEY.key};"
            "EndpointSuffix=core.chinacloudapi.cn",
            "http://acct.table.core.chinacloudapi.cn/t",
        ),
        (
            f"BlobEndpoint=http://b;TableEndpoint=http://h:1/acct/;accountname=acct;"
            f"ACCOUNTKEY={KEY.key};",
            "http://h:1/acct/t",
        ),
        ("UseDevelopmentStorage=true", f"{EMULATOR}/t"),
        ("UseDevelopmentStorage=true;", f"{EMULATOR}/t"),
    ],
)
def test_a_connection_string_says_where(text: str, url: str) -> None:
    assert Connection(StorageAccount(connection_string=Secret(text))).table("t")._table == url


@pytest.mark.parametrize(
    "text",
    [
        "AccountName=acct",
        "BlobEndpoint=https://b;SharedAccessSignature=sv=1",
        "AccountName=acct;AccountKey=no key",
        "AccountName=acct;AccountKey=****",
        "nonsense",
    ],
)
def test_a_connection_string_without_a_key_is_said_so_and_not_shown(text: str) -> None:
    with pytest.raises(Misconfigured, match="connection string") as caught:
        Connection(StorageAccount(connection_string=Secret(text))).table("t")
    assert "no key;" not in str(caught.value)
    assert "sv=1" not in str(caught.value)


def test_without_a_connection_string_it_is_the_managed_identity() -> None:
    account = StorageAccount(connection_string=Secret(""), account_name="acct", client_id="me")
    assert Connection(account).table("t")._table == "https://acct.table.core.windows.net/t"


def test_the_environment_says_which_proxy_and_certificates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:8080")
    monkeypatch.setenv("NO_PROXY", "near.example")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/our/own.pem")
    far, near = (Lean(f"https://{place}.example")._pool for place in ("far", "near"))
    assert far.proxy is not None and far.proxy.host == "proxy"
    assert near.proxy is None
    assert far.connection_pool_kw["ca_certs"] == "/our/own.pem"


def test_a_key_does_not_show() -> None:
    assert KEY.key not in repr(SharedKey("acct", KEY.key))
    with pytest.raises(ValueError, match=r"base64|padding|Only"):
        Rest(EMULATOR, "table", SharedKey("acct", "no key"))


LISTING = b'<EnumerationResults ContainerName="backups"><Blobs/></EnumerationResults>'
CHALLENGE = {
    "WWW-Authenticate": "Bearer authorization_uri=https://login.microsoftonline.com/tenant/"
    "oauth2/authorize resource_id=https://storage.azure.com",
    "x-ms-error-code": "InvalidAuthenticationInfo",
    "Date": "Fri, 20 Nov 2026 03:00:00 GMT",
}


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Iterator[entra.Endpoint]:
    """The app's identity, with a token that is a minute old."""
    clock = SkippingClock()
    monkeypatch.setattr("shared.identity.kept.SystemClock", lambda: clock)
    forget()
    with entra.identity(monkeypatch, entra.STORAGE) as found:
        credential(found.client_id).get_token(f"{found.resource}/.default")
        clock.skip(timedelta(minutes=1))
        yield found
    forget()


def ask_tables(service: Service, account: StorageAccount) -> None:
    with translated("table storage"):
        service.wire(signed_in(account)).get("p", "k")


def ask_blobs(service: Service, account: StorageAccount) -> None:
    transport = RequestsTransport(session=service.session())
    Connection(account, transport).blobs("backups").names("")


@pytest.mark.parametrize(
    ("ask", "good"),
    [
        (ask_tables, Answer(200, ROW)),
        (ask_blobs, Answer(200, LISTING, {"Content-Type": "application/xml"})),
    ],
    ids=["tables", "blobs"],
)
def test_a_token_that_the_storage_rejects_is_replaced_once(
    known: entra.Endpoint, ask: Callable[[Service, StorageAccount], None], good: Answer
) -> None:
    """One that should be valid: the machine's clock is slow, or an administrator revoked it."""
    account = StorageAccount(
        connection_string=Secret(""), account_name="acct", client_id=known.client_id
    )
    rejected = Answer(401, b"", CHALLENGE)
    service = Service(rejected, good | {"Date": CHALLENGE["Date"]}, rejected, rejected)
    ask(service, account)
    sent = [str(asked.headers["Authorization"]) for asked in service.asked]
    assert sent == [f"Bearer {token}" for token in known.given] and len(set(sent)) == 2
    with pytest.raises(Refused, match="401 InvalidAuthenticationInfo"):
        ask(service, account)
    assert len(known.given) == 2, "the second token is new, so a third would not help"
