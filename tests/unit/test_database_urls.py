"""Which databases the app's identity signs in to: a token goes to no other host, and over no open
connection."""

from __future__ import annotations

import pytest

from shared.errors import Misconfigured
from shared.settings import Secret, client_id_of, for_data, from_env

GOOD = {"AzureWebJobsStorage": "AccountName=x;AccountKey=hush", "AZURE_CLIENT_ID": "an id"}
AZURE = "db.postgres.database.azure.com"


def url(text: str, **more: str) -> Secret:
    return from_env({**GOOD, "POSTGRES_URL": text, **more}).postgres_url


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://id-belfry@{AZURE}/shop",
        f"postgres://id-belfry@{AZURE.upper()}:5432/shop",
        f"postgresql+psycopg://a%40b@{AZURE}/shop",
        f"postgresql://{AZURE}/shop?user=id-belfry",
        f"postgresql://id-belfry:@{AZURE}/",
        f"postgresql://id-belfry@a.{AZURE}:5432,b.{AZURE}:5433/shop",
        f"postgresql://id-belfry@/shop?host={AZURE}",
    ],
)
def test_the_identity_signs_in_where_the_url_has_a_user_and_no_password(text: str) -> None:
    made = url(text)
    assert client_id_of(made) == "an id"
    assert made.reveal() == f"{text}{'&' if '?' in text else '?'}sslmode=require"


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"postgresql://me:secret@{AZURE}/shop",
        f"postgresql://{AZURE}/shop",
        f"postgresql://me@{AZURE}/shop?password=secret",
        "postgresql://me@db.example.com/shop",
        f"postgresql://me@{AZURE}.example.com/shop",
        "postgresql://me@postgres.database.azure.com/shop",
        f"postgresql://me@{AZURE},db.example.com/shop",
        f"postgresql://me@{AZURE}/shop?host=db.example.com",
        f"postgresql://me@{AZURE}/shop?hostaddr=192.0.2.1",
        f"postgresql://me@[::1/{AZURE}",
        f"host={AZURE} user=me",
    ],
)
def test_no_other_host_gets_a_token_and_no_other_url_is_changed(text: str) -> None:
    made = url(text)
    assert client_id_of(made) == "" and made == Secret(text)


def test_each_setting_of_a_database_may_be_one() -> None:
    text = f"postgresql://me@{AZURE}/shop"
    names = ("DATABASE_URL", "POSTGRES_URL", "POSTGRES_SCRATCH_URL", "BACKUP_CRM_URL")
    environ = {**GOOD, **dict.fromkeys(names, text), "BACKUP_SOURCES": "crm"}
    read = from_env(environ, schemes=("postgresql://",))
    found = (read.database_url, read.postgres_url, read.postgres_scratch_url)
    for one in (*found, read.backup_sources["crm"], for_data(environ).url):
        assert client_id_of(one) == "an id" and one != Secret(one.reveal())


def test_hosts_elsewhere_are_named_in_a_setting() -> None:
    hosts = {"ENTRA_DATABASE_HOSTS": "pg.example.cn, Other.example"}
    assert client_id_of(url("postgresql://me@pg.example.cn/shop", **hosts)) == "an id"
    assert client_id_of(url("postgresql://me@other.example/shop", **hosts)) == "an id"
    assert client_id_of(url("postgresql://me@x.other.example/shop", **hosts)) == ""
    with pytest.raises(Misconfigured, match="ENTRA_DATABASE_HOSTS is 'a:1'; use names of hosts"):
        url("", ENTRA_DATABASE_HOSTS="a:1")


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "nonsense", ""])
def test_a_token_is_sent_over_no_open_connection(mode: str) -> None:
    with pytest.raises(Misconfigured, match=f"POSTGRES_URL is .*; it has sslmode={mode}; a token"):
        url(f"postgresql://me@{AZURE}/shop?sslmode={mode}")


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_a_stronger_encryption_stays_as_it_is(mode: str) -> None:
    text = f"postgresql://me@{AZURE}/shop?sslmode={mode}"
    assert url(text).reveal() == text


def test_without_a_client_id_it_is_said_which_setting_needs_one() -> None:
    with pytest.raises(Misconfigured, match=r"POSTGRES_URL .* set AZURE_CLIENT_ID"):
        url(f"postgresql://me@{AZURE}/shop", AZURE_CLIENT_ID="")
