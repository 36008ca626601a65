"""The endpoints of an account's services, and how a request to one is authenticated."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass
from typing import Any, Literal

from shared.clock import Clock
from shared.errors import Misconfigured
from shared.identity import tokens
from shared.identity.tokens import Identity
from shared.settings import StorageAccount
from shared.storage.signing import (
    SharedKey,
    Signature,
    adding,
    key_of,
    of_queue,
    of_table,
    parts,
    signing,
)

Service = Literal["table", "queue"]

_SCOPE = "https://storage.azure.com/.default"
_TEXTS = {"table": of_table, "queue": of_queue}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One service of one account."""

    url: str
    credential: SharedKey | Identity


def endpoint(account: StorageAccount, service: Service) -> Endpoint:
    """The service's endpoint, from a connection string with the account's key or, if there is none,
    for a managed identity.

    Raises `Misconfigured`, also for a shared access signature, which is not supported.
    """
    text = account.connection_string.reveal()
    if not text:
        return Endpoint(account.url(service), credential(account))
    key, values = key_of(text), parts(text)
    if key is None:
        raise Misconfigured("the storage's connection string has no AccountName or no AccountKey")
    try:
        b64decode(key.key, validate=True)
    except ValueError:
        raise Misconfigured("AccountKey in the storage's connection string is no key") from None
    url = values.get(f"{service}endpoint") or (
        f"{values.get('defaultendpointsprotocol', 'https')}://{key.account}.{service}."
        f"{values.get('endpointsuffix', 'core.windows.net')}"
    )
    return Endpoint(url.rstrip("/"), key)


def credential(account: StorageAccount) -> Identity:
    """The identity with which the app uses an account that has no connection string."""
    if account.developer:
        return tokens.developer(
            "set AzureWebJobsStorage__credential to managedidentity, if this machine has one"
        )
    return tokens.managed(
        account.client_id, "AzureWebJobsStorage__clientId or BACKUP_STORAGE__clientId"
    )


def sign_in(
    credential: SharedKey | Signature | Identity, service: Service, clock: Clock | None = None
) -> Any:
    """The policy that authenticates requests. It comes after the retry policy, so it signs each
    attempt anew. Raises `ValueError` if a key is not base64."""
    if isinstance(credential, Signature):
        return adding(credential)
    if isinstance(credential, SharedKey):
        return signing(credential, clock, text_of=_TEXTS[service])
    return _bearer(credential)


def _bearer(credential: Identity) -> Any:
    """The policy for an identity. If the storage rejects a token that should be valid (this
    machine's clock is slow, or an administrator revoked it), the request is sent once more, with
    another. https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory
    """
    from azure.core.pipeline.policies import BearerTokenCredentialPolicy

    class Bearer(BearerTokenCredentialPolicy[Any, Any]):
        def on_challenge(self, request: Any, response: Any) -> bool:
            del response
            credential.reject(_SCOPE)
            self.authorize_request(request, _SCOPE)
            return True

    return Bearer(credential, _SCOPE)
