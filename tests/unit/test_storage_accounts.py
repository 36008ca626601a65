"""A storage account in the settings: a connection string, or an identity's own variables."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared import settings
from shared.errors import Misconfigured
from shared.settings import DestinationSettings, StorageAccount

HOST = "AzureWebJobsStorage"
ID = {f"{HOST}__credential": "managedidentity", f"{HOST}__clientId": "me"}
NAMED = ID | {f"{HOST}__accountName": "stbelfry"}


def uris(suffix: str, *services: str, name: str = HOST) -> dict[str, str]:
    return {f"{name}__{one}ServiceUri": f"https://stbelfry.{one}.{suffix}/" for one in services}


CHINA = uris("core.chinacloudapi.cn", "blob", "queue", "table")


def account(given: dict[str, str]) -> StorageAccount:
    return settings.from_env(given).storage


def test_an_account_by_its_name_is_in_the_public_cloud() -> None:
    found = account(NAMED)
    assert (found.account_name, found.client_id) == ("stbelfry", "me")
    assert found.url("queue") == "https://stbelfry.queue.core.windows.net"


def test_the_uris_of_its_services_say_where_it_answers_and_what_it_is_called() -> None:
    found = account(ID | CHINA)
    assert found.url("table") == "https://stbelfry.table.core.chinacloudapi.cn"
    assert found.account_name == "stbelfry" and found.is_given
    assert account(NAMED | CHINA) == found


def test_an_emulator_has_the_account_as_the_path() -> None:
    given = {
        f"{HOST}__{one}ServiceUri": f"https://127.0.0.1:1000{port}/acct"
        for port, one in enumerate(("blob", "queue", "table"))
    }
    found = account(given)
    assert (found.url("blob"), found.account_name) == ("https://127.0.0.1:10000/acct", "acct")


def test_without_a_named_identity_it_is_the_apps_in_azure_and_a_persons_elsewhere() -> None:
    given = {f"{HOST}__accountName": "stbelfry"}
    assert account(given).developer
    assert not account(given | {"WEBSITE_SITE_NAME": "func-belfry"}).developer
    assert not account(given | {f"{HOST}__credential": "managedidentity"}).developer
    assert not account(NAMED).developer


def test_backups_need_only_the_uri_of_blobs() -> None:
    given = NAMED | {
        "BACKUP_STORAGE__blobServiceUri": "https://files.example.com",
        "BACKUP_STORAGE__accountName": "stbackup",
        "BACKUP_DESTINATIONS": "offsite",
        "BACKUP_OFFSITE_STORAGE__blobServiceUri": "https://stoff.blob.core.windows.net",
        "BACKUP_OFFSITE_STORAGE__clientId": "other",
    }
    read = settings.from_env(given).backup_destinations
    primary, offsite = read["primary"], read["offsite"]
    assert isinstance(primary, DestinationSettings)
    assert primary.account.url("blob") == "https://files.example.com"
    assert primary.account.account_name == "stbackup"
    assert (offsite.account.account_name, offsite.account.client_id) == ("stoff", "other")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            ID | uris("core.windows.net", "blob", "table"),
            f"{HOST}__queueServiceUri is missing; give the URI of each service (blob, ",
        ),
        (
            NAMED | uris("core.windows.net", "blob", "queue"),
            f"{HOST}__tableServiceUri is missing",
        ),
        (
            NAMED | CHINA | {f"{HOST}__blobServiceUri": "https://s.blob.core.windows.net/?sv=hush"},
            f"{HOST}__blobServiceUri has a query; leave out the ? (a shared access signature)",
        ),
        (
            NAMED | CHINA | {f"{HOST}__blobServiceUri": "http://stbelfry.blob.core.windows.net"},
            f"{HOST}__blobServiceUri does not begin with https://",
        ),
        (
            NAMED | CHINA | {f"{HOST}__blobServiceUri": "https://u:hush@h.example"},
            f"{HOST}__blobServiceUri has no host, or a user in it",
        ),
        (
            NAMED | CHINA | {f"{HOST}__blobServiceUri": "https://[hush"},
            f"{HOST}__blobServiceUri is no URI",
        ),
        (
            NAMED | CHINA | {f"{HOST}__queueServiceUri": "https://s.queue.core.windows.net/a/b"},
            f"{HOST}__queueServiceUri names more than a service",
        ),
        (
            NAMED | CHINA | {f"{HOST}__queueServiceUri": "https://other.queue.core.windows.net"},
            f"{HOST}__queueServiceUri is of the account other, but the account of {HOST} is "
            "stbelfry",
        ),
        (
            ID
            | {
                f"{HOST}__{s}ServiceUri": f"https://{s}.example" for s in ("blob", "queue", "table")
            },
            f"the URIs of {HOST} do not tell the account's name",
        ),
        (
            NAMED | {HOST: "AccountName=x;AccountKey=hush"},
            f"{HOST} is set, and {HOST}__accountName or a service's URI too",
        ),
        (
            {HOST: "AccountName=x;AccountKey=hush"} | CHINA,
            "use a connection string or an identity, and remove the other",
        ),
        (
            NAMED | {f"{HOST}__credential": "secret"},
            f"{HOST}__credential is 'secret'; use managedidentity",
        ),
        (
            {f"{HOST}__accountName": "stbelfry", f"{HOST}__clientId": "me"},
            f"{HOST}__clientId is set, but {HOST}__credential is not",
        ),
        (ID, f"{HOST}__clientId is set, but no account; set {HOST}__accountName"),
        (
            NAMED | {f"{HOST}__managedIdentityResourceId": "/subscriptions/x"},
            f"{HOST}__managedIdentityResourceId is not supported; name the identity by",
        ),
        (
            NAMED | {"BACKUP_STORAGE__clientId": "me"},
            "BACKUP_STORAGE__clientId is set, but no account",
        ),
    ],
)
def test_what_is_half_given_or_contradicts_itself_is_told(given: dict[str, str], said: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        settings.from_env(given)
    assert said in str(caught.value)
    assert "hush" not in str(caught.value)


def test_each_variable_of_an_account_is_documented() -> None:
    page = Path("docs/settings.md").read_text()
    names = ("accountName", "blobServiceUri", "queueServiceUri", "tableServiceUri", "credential")
    assert [one for one in (*names, "clientId") if f"`__{one}`" not in page] == []
