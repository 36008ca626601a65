"""What customers may say of a storage account, and what they may not."""

from __future__ import annotations

import pytest

from shared.settings import Secret, StorageAccount
from shared.storage.outside.address import Rules, Service, accounts_of, address

KEY = "a2V5"
SIGNED = "sv=2024-01-01&sr=c&sp=rl&se=2030-01-01&sig=abc%3D"
RULES = Rules(own=frozenset({"belfryown"}))
BASE = f"AccountName=shop;AccountKey={KEY}"


def read(text: str, name: str = "box", service: Service = "blob", rules: Rules = RULES) -> str:
    return address(Secret(text), service, name, rules).url


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (BASE, "https://shop.blob.core.windows.net"),
        (f"{BASE};EndpointSuffix=core.chinacloudapi.cn", "https://shop.blob.core.chinacloudapi.cn"),
        (f"{BASE};BlobEndpoint=https://shop.blob.core.windows.net/;", None),
        (f"{BASE};BlobEndpoint=https://shop.z12.blob.storage.azure.net", None),
        (f"BlobEndpoint=https://shop.blob.core.windows.net;SharedAccessSignature={SIGNED}", None),
        (f"https://shop.blob.core.windows.net/box?{SIGNED}", None),
        (f"https://shop.blob.core.windows.net?{SIGNED}", None),
    ],
)
def test_azures_own_names_are_taken(text: str, url: str | None) -> None:
    found = address(Secret(text), "blob", "box", RULES)
    assert found.name == "box"
    assert found.account == "shop"
    assert KEY not in repr(found)
    assert "sig" not in repr(found)
    if url is not None:
        assert found.url == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "UseDevelopmentStorage=true",
        f"UseDevelopmentStorage=true;{BASE}",
        f"{BASE};DevelopmentStorageProxyUri=http://10.0.0.1",
        f"{BASE};DefaultEndpointsProtocol=http",
        f"{BASE};DefaultEndpointsProtocol=file",
        f"{BASE};EndpointSuffix=evil.example",
        f"{BASE};EndpointSuffix=core.windows.net@169.254.169.254",
        f"{BASE};EndpointSuffix=core.windows.net/..//x",
        f"{BASE};BlobEndpoint=http://shop.blob.core.windows.net",
        f"{BASE};BlobEndpoint=https://169.254.169.254/metadata",
        f"{BASE};BlobEndpoint=https://127.0.0.1:10000/shop",
        f"{BASE};BlobEndpoint=https://[::ffff:127.0.0.1]/shop",
        f"{BASE};BlobEndpoint=https://2130706433/",
        f"{BASE};BlobEndpoint=https://other.blob.core.windows.net",
        f"{BASE};BlobEndpoint=https://belfryown.blob.core.windows.net",
        f"{BASE};BlobEndpoint=https://shop.blob.core.windows.net@evil.example",
        f"{BASE};BlobEndpoint=https://user@shop.blob.core.windows.net",
        f"{BASE};BlobEndpoint=https://evil.example#.blob.core.windows.net",
        f"{BASE};BlobEndpoint=https://evil.example\\.blob.core.windows.net",
        f"{BASE};BlobEndpoint=https://shop.blob.core.windows.net.evil.example",
        f"{BASE};BlobEndpoint=https://shop.blob.core.windows.net:8443",
        f"{BASE};BlobEndpoint=https://shop.blob.core.windows.net/?comp=list",
        f"{BASE};BlobEndpoint=https://shop.blob.core.windows.net/otherbox",
        f"{BASE};BlobEndpoint=https://shop.queue.core.windows.net",
        f"{BASE};BlobEndpoint=https://shop.blob.core.windows.net;BlobEndpoint=https://x.y",
        f"{BASE};BlobSecondaryEndpoint=https://evil.example",
        f"{BASE};accountname=other",
        f"{BASE};SharedAccessSignature={SIGNED}",
        f"AccountName=belfryown;AccountKey={KEY}",
        f"AccountName=BELFRYOWN;AccountKey={KEY}",
        f"AccountName=shop.evil;AccountKey={KEY}",
        f"AccountName=evil.example/;AccountKey={KEY}",
        "AccountName=shop;AccountKey=not base64",
        "AccountName=shop",
        f"{BASE}\r\nX: y",
        f"AccountName=sh\u00f6p;AccountKey={KEY}",
        f"BlobEndpoint=https://evil.example;SharedAccessSignature={SIGNED}",
        f"SharedAccessSignature={SIGNED}",
        f"https://belfryown.blob.core.windows.net/box?{SIGNED}",
        f"https://evil.example/box?{SIGNED}",
        f"http://shop.blob.core.windows.net/box?{SIGNED}",
        f"https://shop.blob.core.windows.net/box/blob?{SIGNED}",
        f"https://shop.blob.core.windows.net/otherbox?{SIGNED}",
        f"https://shop.table.core.windows.net/box?{SIGNED}",
        "https://shop.blob.core.windows.net/box",
        f"https://shop.blob.core.windows.net/box?{SIGNED}&comp=acl&restype=container",
        f"https://shop.blob.core.windows.net/box?{SIGNED}&sig=twice",
        f"https://shop.blob.core.windows.net/box?{SIGNED}#x",
        f"https://shop.blob.core.windows.net/box?{SIGNED}&rsct=text/html",
        "https://" + "x" * 5000,
    ],
)
def test_whatever_else_is_refused_without_a_secret_in_the_text(text: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        read(text)
    assert KEY not in str(raised.value)
    assert "sig=" not in str(raised.value)


@pytest.mark.parametrize("name", ["", "A", "a", "x/y", "..", "a--b", "$logs", "b" * 64, "box?x"])
def test_names_that_are_no_containers(name: str) -> None:
    with pytest.raises(ValueError, match="no name of a container"):
        read(BASE, name)


def test_tables_and_the_companys_own() -> None:
    assert read(BASE, "Orders", "table") == "https://shop.table.core.windows.net"
    with pytest.raises(ValueError, match="no name of a table"):
        read(BASE, "$MetricsHour", "table")
    own = Rules(own=RULES.own, anywhere=True)
    url = f"http://10.0.0.4:10000/devstore/box?{SIGNED}"
    found = address(Secret(url), "blob", "", own)
    assert (found.url, found.account, found.name) == (
        "http://10.0.0.4:10000/devstore",
        "devstore",
        "box",
    )
    assert read("AccountName=belfryown;AccountKey=" + KEY, rules=own)


def test_which_accounts_are_belfrys_own() -> None:
    accounts = [
        StorageAccount(connection_string=Secret(f"AccountName=One;AccountKey={KEY}")),
        StorageAccount(connection_string=Secret(""), account_name="two"),
        StorageAccount(
            connection_string=Secret(""), blob_url="https://three.blob.core.windows.net"
        ),
        StorageAccount(
            connection_string=Secret(
                f"AccountName=dev;AccountKey={KEY};BlobEndpoint=http://127.0.0.1:10000/dev"
            )
        ),
    ]
    assert accounts_of(*accounts) == {"one", "two", "three", "dev"}
