"""Where an account's services answer, and how a request to one proves who asks."""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from shared.errors import Misconfigured
from shared.settings import StorageAccount

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.core.pipeline.policies import SansIOHTTPPolicy

Service = Literal["table", "queue"]

_SCOPE = "https://storage.azure.com/.default"
_PORTS: dict[Service, int] = {"queue": 10001, "table": 10002}
_DEVELOPMENT = (
    "AccountName=devstoreaccount1;"
    + "".join(
        f"{service.title()}Endpoint=http://127.0.0.1:{port}/devstoreaccount1;"
        for service, port in _PORTS.items()
    )
    + "AccountKey="
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
"""What `UseDevelopmentStorage=true` stands for; the key is published, the same for everyone.
https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string"""


@dataclass(frozen=True, slots=True)
class SharedKey:
    """An account's name and key, in base64 as the portal shows it."""

    account: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One service of one account."""

    url: str
    credential: SharedKey | TokenCredential


def endpoint(account: StorageAccount, service: Service) -> Endpoint:
    """By connection string with the account's key, or else by managed identity.

    Raises `Misconfigured`; a connection string with a shared access signature is none of ours.
    """
    text = account.connection_string.reveal()
    if not text:
        from azure.identity import ManagedIdentityCredential

        url = f"https://{account.account_name}.{service}.core.windows.net"
        return Endpoint(url, ManagedIdentityCredential(client_id=account.client_id or None))
    if text.lower().startswith("usedevelopmentstorage=true"):
        text = _DEVELOPMENT
    pairs = (pair.partition("=") for pair in text.split(";"))
    values = {name.strip().lower(): value.strip() for name, _, value in pairs}
    name, key = values.get("accountname", ""), values.get("accountkey", "")
    if not (name and key):
        raise Misconfigured("the storage's connection string has no AccountName or no AccountKey")
    try:
        b64decode(key, validate=True)
    except ValueError:
        raise Misconfigured("AccountKey in the storage's connection string is no key") from None
    url = values.get(f"{service}endpoint") or (
        f"{values.get('defaultendpointsprotocol', 'https')}://{name}.{service}."
        f"{values.get('endpointsuffix', 'core.windows.net')}"
    )
    return Endpoint(url.rstrip("/"), SharedKey(name, key))


def sign_in(credential: SharedKey | TokenCredential, service: Service) -> Any:
    """The policy that proves who asks; after the retry policy, so each attempt anew: the service
    refuses a date 15 minutes old. Raises `ValueError` if the key is not base64."""
    from azure.core.pipeline.policies import BearerTokenCredentialPolicy

    if isinstance(credential, SharedKey):
        return signing(credential, _TEXTS[service])
    return BearerTokenCredentialPolicy(credential, _SCOPE)


def signing(key: SharedKey, text_of: Callable[[Any, str, str], str]) -> SansIOHTTPPolicy[Any, Any]:
    """The policy that signs by Shared Key Lite what `text_of` (request, date, resource) says.

    https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
    """
    from azure.core.pipeline.policies import SansIOHTTPPolicy

    secret = b64decode(key.key, validate=True)

    class Signing(SansIOHTTPPolicy[Any, Any]):
        def on_request(self, request: Any) -> None:
            http = request.http_request
            date = formatdate(usegmt=True)  # no Clock: the service compares it with its own
            text = text_of(http, date, f"/{key.account}{urlsplit(http.url).path}")
            signature = b64encode(hmac.digest(secret, text.encode(), "sha256")).decode()
            http.headers["x-ms-date"] = date
            http.headers["Authorization"] = f"SharedKeyLite {key.account}:{signature}"

    return Signing()


def _of_table(http: Any, date: str, resource: str) -> str:
    del http
    return f"{date}\n{resource}"


def _of_queue(http: Any, date: str, resource: str) -> str:
    """Of the query only `comp` counts; the Content-Type is signed where there is a body."""
    kind = http.headers.get("Content-Type", "")
    comp = "?comp=metadata" if "comp=metadata" in http.url else ""
    version = http.headers["x-ms-version"]
    return f"{http.method}\n\n{kind}\n\nx-ms-date:{date}\nx-ms-version:{version}\n{resource}{comp}"


_TEXTS: dict[Service, Callable[[Any, str, str], str]] = {"table": _of_table, "queue": _of_queue}
