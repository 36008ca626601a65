"""What an engineer is told when an identity has no token, or no role."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from azure.core.pipeline.transport import RequestsTransport

from local import ports
from shared.errors import BelfryError, Refused, Unavailable
from shared.identity import tokens
from shared.settings import Secret, StorageAccount
from shared.storage.connect import Connection
from shared.storage.failures import translated
from tests.certificate import Certificate
from tests.integration.rehearsal.conftest import APP, HOST, Making
from tests.integration.rehearsal.forbidding import forbidding
from tests.vendors.entra import STORAGE, Endpoint
from tests.waiting import until

Asking = Callable[[str], list[BelfryError]]


@pytest.fixture
def refusing(trusted: Certificate) -> Iterator[str]:
    with forbidding(trusted) as url:
        yield f"{url}/{HOST}"


@pytest.fixture
def asking(
    monkeypatch: pytest.MonkeyPatch, trusted: Certificate, refusing: str, endpoint: Endpoint
) -> Iterator[Asking]:
    """Asks the storage that refuses for blobs and for a table, as that identity: the errors."""
    for name, value in {**endpoint.environ, "REQUESTS_CA_BUNDLE": str(trusted.file)}.items():
        monkeypatch.setenv(name, value)
    tokens.forget()

    def ask(client_id: str) -> list[BelfryError]:
        account = StorageAccount(
            connection_string=Secret(""),
            account_name=HOST,
            client_id=client_id,
            developer=not client_id,
            blob_url=refusing,
            table_url=refusing,
        )
        storage = Connection(account)
        with pytest.raises(BelfryError) as blobs:
            storage.blobs("backups").names("")
        with pytest.raises(BelfryError) as tables, translated("table storage"):
            storage.create_table("t")
        return [blobs.value, tables.value]

    yield ask
    tokens.forget()


def test_an_identity_that_is_not_the_apps_is_named(asking: Asking) -> None:
    for error in asking("another"):
        said = str(error)
        assert isinstance(error, Refused)
        assert said.startswith("managed identity: no token for the identity (client id another): ")
        assert "No User Assigned or Delegated Managed Identity found" in said
        assert "AzureWebJobsStorage__clientId" in said


@pytest.mark.parametrize(
    "trouble",
    [
        (500, b'{"statusCode": 500, "message": "An unexpected error occurred"}'),
        (429, b'{"statusCode": 429, "message": "Too many requests"}'),
        (502, b"<html>Bad Gateway</html>"),
    ],
)
def test_an_endpoint_in_trouble_may_answer_later(
    asking: Asking,
    endpoint: Endpoint,
    monkeypatch: pytest.MonkeyPatch,
    trouble: tuple[int, bytes],
) -> None:
    """So a job is tried again."""
    monkeypatch.setattr(RequestsTransport, "sleep", lambda *_: None)
    endpoint.trouble = trouble
    for error in asking(APP):
        assert isinstance(error, Unavailable)
        assert str(error).startswith("managed identity: ")


def test_a_missing_role_is_named_and_the_clients_of_a_process_share_their_token(
    asking: Asking, endpoint: Endpoint
) -> None:
    blobs, tables = map(str, asking(APP))
    assert "the role Storage Blob Data Contributor on the storage account stbelfry" in blobs
    assert "the role Storage Table Data Contributor on the storage account stbelfry" in tables
    assert len(endpoint.given) == 1


def test_off_azure_it_is_who_signed_in(
    asking: Asking, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Accounts take no keys, so a command on a person's machine needs that person's token."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
        monkeypatch.delenv(name)
    for said in map(str, asking("")):
        assert said.startswith("your identity: no token for you: ")
        assert "Sign in with az login or azd auth login" in said
    tokens.forget()
    az = tmp_path / "az"
    answer = {"accessToken": "x", "expires_on": int(time.time()) + 3600, "expiresOn": "never"}
    az.write_text(f"#!/bin/sh\necho '{json.dumps(answer)}'\n")
    az.chmod(0o755)
    assert "the role Storage Blob Data Contributor on the storage account" in str(asking("")[0])


def test_the_app_tells_a_missing_role_and_an_endpoint_that_is_down_at_its_start(
    making: Making, refusing: str
) -> None:
    """It goes on as soon as the endpoint is there, without another start."""
    late = Endpoint(APP, STORAGE, port=ports.free(1)[0])
    site = making(AzureWebJobsStorage__tableServiceUri=refusing, **late.environ)
    site.start()
    answer = site.ask("GET", "/status")
    assert answer.status_code == 503, answer.text + site.said()
    assert answer.headers["content-type"] == "application/problem+json"
    assert "managed identity: its endpoint did not answer" in answer.json()["detail"]
    with late.open():
        answer = site.ask("GET", "/status")
        assert answer.status_code == 502, answer.text + site.said()
        needed = "needs the role Storage Table Data Contributor on the storage account stbelfry"
        assert needed in answer.json()["detail"]
        assert site.ask("POST", "/admin/functions/schedule_dispatcher").status_code == 202
        until(lambda: needed in site.said())
    site.kill()  # the host's own timers still wait for the endpoint
