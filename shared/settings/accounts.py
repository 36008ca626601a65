"""How a storage account is given in settings: by a connection string, or for a managed identity.

The settings for an identity are those of Azure's host, so that one set of them serves both:
`NAME__accountName`, or the URI of each service that is used (`NAME__blobServiceUri`, ...: in
sovereign clouds, with custom domains, in rehearsals); `NAME__clientId` of a user-assigned identity,
with `NAME__credential=managedidentity`. Without these two, it is the system-assigned identity in
Azure, and anywhere else that of the person who signed in.
https://learn.microsoft.com/azure/azure-functions/functions-reference#connecting-to-host-storage-with-an-identity
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from urllib.parse import SplitResult, urlsplit

from shared.settings.model import StorageAccount, StorageService
from shared.settings.secret import Secret

ALL: Sequence[StorageService] = ("blob", "queue", "table")
_MANAGED = "managedidentity"
_ON_AZURE = "WEBSITE_SITE_NAME"
"""The platform sets it."""
_OTHER_WAYS = ("managedIdentityResourceId", "managedIdentityObjectId")
"""Further names of the host for an identity, which it does not take for its own storage."""


class _Wrong(ValueError):
    """What is wrong with a URI, in words."""


def read_account(
    name: str, read: Callable[[str], str], services: Sequence[StorageService]
) -> tuple[StorageAccount, list[str]]:
    """(the account that the settings of that name give, what is wrong with them). `services` are
    those that are used of it. What is read of an account that is not given is empty."""
    problems: list[str] = []
    text = read(name)
    given = {service: read(_uri_setting(name, service)) for service in services}
    account_name = read(f"{name}__accountName")
    urls: dict[StorageService, str] = {}
    for service, uri in given.items():
        try:
            parts = _checked(uri) if uri else None
        except _Wrong as wrong:
            problems.append(f"{_uri_setting(name, service)} {wrong}")
            continue
        if parts is not None:
            urls[service] = uri.rstrip("/")
            account_name = account_name or _account_in(parts, service)
            problems += _contradiction(name, account_name, service, parts)
    problems += _half_given(name, given)
    if urls and not account_name:
        problems.append(
            f"the URIs of {name} do not tell the account's name, which links are signed with; set "
            f"{name}__accountName"
        )
    problems += _identity(name, read, bool(account_name or any(given.values())))
    if text and (account_name or any(given.values())):
        problems.append(
            f"{name} is set, and {name}__accountName or a service's URI too; use a connection "
            "string or an identity, and remove the other"
        )
    account = StorageAccount(
        connection_string=Secret(text),
        account_name=account_name,
        client_id=read(f"{name}__clientId"),
        developer=not any(map(read, (f"{name}__clientId", f"{name}__credential", _ON_AZURE))),
        blob_url=urls.get("blob", ""),
        queue_url=urls.get("queue", ""),
        table_url=urls.get("table", ""),
    )
    return account, problems


def _uri_setting(name: str, service: StorageService) -> str:
    return f"{name}__{service}ServiceUri"


def _checked(uri: str) -> SplitResult:
    """The URI's parts. Raises `_Wrong`, which does not show the URI: a signature may be in it."""
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise _Wrong("is no URI; use https://ACCOUNT.SERVICE.core.windows.net") from None
    if parts.query or parts.fragment:
        raise _Wrong("has a query; leave out the ? (a shared access signature) and what follows it")
    if parts.scheme != "https":
        raise _Wrong("does not begin with https://, without which an identity's token is not sent")
    if not host or parts.username is not None:
        raise _Wrong("has no host, or a user in it; use https://ACCOUNT.SERVICE.core.windows.net")
    if parts.path.strip("/").count("/"):
        raise _Wrong("names more than a service; leave out the container, queue or table")
    return parts


def _account_in(parts: SplitResult, service: StorageService) -> str:
    """The account that a URI names, first in its host or (emulators) as its path; empty if none."""
    first, _, rest = (parts.hostname or "").partition(".")
    return first if f".{service}." in f".{rest}" else parts.path.strip("/")


def _contradiction(
    name: str, account_name: str, service: StorageService, parts: SplitResult
) -> Iterator[str]:
    named = _account_in(parts, service)
    if named and named.lower() != account_name.lower():
        yield (
            f"{_uri_setting(name, service)} is of the account {named}, but the account of {name} "
            f"is {account_name}; all must be of one account"
        )


def _half_given(name: str, given: dict[StorageService, str]) -> Iterator[str]:
    missing = [service for service, uri in given.items() if not uri]
    if len(missing) == len(given):
        return
    for service in missing:
        yield (
            f"{_uri_setting(name, service)} is missing; give the URI of each service "
            f"({', '.join(given)}), or of none and only {name}__accountName"
        )


def _identity(name: str, read: Callable[[str], str], is_given: bool) -> Iterator[str]:
    client_id, credential = read(f"{name}__clientId"), read(f"{name}__credential")
    if credential and credential.lower() != _MANAGED:
        yield f"{name}__credential is {credential!r}; use {_MANAGED}"
    if (client_id or credential) and not is_given:
        shown = f"{name}__{'clientId' if client_id else 'credential'}"
        yield f"{shown} is set, but no account; set {name}__accountName"
    for way in _OTHER_WAYS:
        if read(f"{name}__{way}"):
            yield f"{name}__{way} is not supported; name the identity by {name}__clientId"
