"""Where a customer's container or table is, and how requests to it are authenticated. Pure.

A customer gives a connection string, or a URL with a shared access signature. Both are read
strictly: what is not known is refused, since it might lead elsewhere. For a project the endpoint
must be Azure's own name of a storage account, by https, and none of Belfry's accounts; only the
company's own schedules may name other endpoints, as far as the guard lets them out.

https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, urlsplit

from shared.settings import Secret, StorageAccount
from shared.storage.signing import SharedKey, parts

Service = Literal["blob", "table"]

SUFFIXES = (
    "core.windows.net",
    "core.usgovcloudapi.net",
    "core.chinacloudapi.cn",
    "storage.azure.net",
)
"""What the names of Azure's storage accounts end in; the last, of accounts with DNS zones."""
_KNOWN = frozenset(
    (
        *("defaultendpointsprotocol", "accountname", "accountkey", "endpointsuffix"),
        *("sharedaccesssignature", "blobendpoint", "tableendpoint", "queueendpoint"),
        *("fileendpoint", "dfsendpoint", "webendpoint"),
    )
)
_SIGNED = frozenset(
    (
        *("sv", "ss", "srt", "sp", "st", "se", "spr", "sip", "sr", "sig", "si", "tn"),
        *(
            "spk",
            "srk",
            "epk",
            "erk",
            "skoid",
            "sktid",
            "skt",
            "ske",
            "sks",
            "skv",
            "saoid",
            "suoid",
        ),
        *("scid", "sdd", "ses"),
    )
)
"""The parameters of a shared access signature that change nothing but what it permits.
https://learn.microsoft.com/rest/api/storageservices/create-service-sas"""
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
_HOST = re.compile(r"(?P<account>[a-z0-9]{3,24})\.(?:z\d{1,2}\.)?(?P<service>[a-z]+)\.(?P<end>.+)")
_CONTAINER = re.compile(r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]|\$root|\$web")
_TABLE = re.compile(r"[A-Za-z][A-Za-z0-9]{2,62}")
_PLAIN = re.compile(r"[\x21-\x7e]+")
_LONGEST = 4096
_FORMS = (
    "give a connection string with AccountName and AccountKey, or https://ACCOUNT.{service}."
    "core.windows.net/NAME?SIGNATURE"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """Which endpoints may be named."""

    own: Collection[str] = ()
    """The names of Belfry's own accounts, which nobody may name, unless `anywhere`."""
    anywhere: bool = False
    """Whether any endpoint may be named: of the company's own schedules."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """A container or a table of a customer's. It never shows its key or its signature."""

    service: Service
    account: str
    url: str
    """The service's endpoint, without a slash at its end, and without a signature."""
    name: str
    """The container's or the table's."""
    key: SharedKey | None
    signature: str = field(default="", repr=False)
    """A shared access signature, without a question mark, if there is no key."""

    @property
    def shown(self) -> str:
        """For people: which it is."""
        kind = "container" if self.service == "blob" else "table"
        return f"the {kind} {self.name} of {self.account}"


def accounts_of(*accounts: StorageAccount) -> frozenset[str]:
    """The names of these accounts of Belfry's own, in lower case."""
    found: set[str] = set()
    for one in accounts:
        said = parts(one.connection_string.reveal())
        urls = [one.blob_url, one.queue_url, one.table_url]
        urls += [value for name, value in said.items() if name.endswith("endpoint")]
        hosts = [urlsplit(url).hostname or "" for url in urls if url]
        named = [host.partition(".")[0] for host in hosts if not host.replace(".", "").isdigit()]
        found.update((said.get("accountname", ""), one.account_name, *named))
    return frozenset(name.lower() for name in found if name)


def address(text: Secret, service: Service, name: str, rules: Rules) -> Address:
    """Read what a customer gave; `name` is the container or the table, unless a URL has it.
    Raises `ValueError`, whose text has no secret in it."""
    given = text.reveal()
    if not given or len(given) > _LONGEST or not given.isascii():
        raise ValueError(_FORMS.format(service=service))
    if given.lower().startswith(("https://", "http://")):
        found = _of_url(given, service, name, rules)
    else:
        found = _of_string(given, service, name, rules)
    pattern = _CONTAINER if service == "blob" else _TABLE
    if not pattern.fullmatch(found.name):
        kind = "container" if service == "blob" else "table"
        raise ValueError(f"{found.name[:63]!r} is no name of a {kind}")
    return found


def _of_url(given: str, service: Service, name: str, rules: Rules) -> Address:
    signature = _signature(given.partition("?")[2])
    parsed = _held(given.partition("?")[0], service, rules)
    steps = [step for step in parsed.path.split("/") if step]
    account = _account(parsed, service)
    if account is None:  # an emulator has the account in its path
        account, steps = (steps[0] if steps else ""), steps[1:]
        base = f"/{account}"
    else:
        base = ""
    if len(steps) > 1 or (steps and name and steps[0] != name):
        raise ValueError("the URL names another place than the target")
    return Address(
        service=service,
        account=account,
        url=f"{parsed.scheme}://{parsed.netloc}{base}",
        name=steps[0] if steps else name,
        key=None,
        signature=signature,
    )


def _of_string(given: str, service: Service, name: str, rules: Rules) -> Address:
    said = _values(given)
    account = said.get("accountname", "")
    secret, signed = said.get("accountkey", ""), said.get("sharedaccesssignature", "")
    if bool(secret) == bool(signed):
        raise ValueError("the connection string needs an AccountKey or a SharedAccessSignature")
    scheme = said.get("defaultendpointsprotocol", "https").lower()
    suffix = said.get("endpointsuffix", SUFFIXES[0]).lower()
    url = said.get(f"{service}endpoint") or f"{scheme}://{account}.{service}.{suffix}"
    parsed = _held(url.rstrip("/"), service, rules)
    named = _account(parsed, service)
    account = account or named or ""
    if not _ACCOUNT.fullmatch(account):
        raise ValueError("AccountName in the connection string is no name of an account")
    if named is not None and named != account:
        raise ValueError("the endpoint in the connection string is not that of AccountName")
    if named is not None and parsed.path.strip("/"):
        raise ValueError("the endpoint in the connection string has a path")
    if account in rules.own and not rules.anywhere:
        raise ValueError(f"the account {account} is not yours")
    return Address(
        service=service,
        account=account,
        url=f"{parsed.scheme}://{parsed.netloc}{parsed.path.rstrip('/')}",
        name=name,
        key=_key(account, secret) if secret else None,
        signature=_signature(signed.removeprefix("?")) if signed else "",
    )


def _values(given: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in given.split(";"):
        name, equals, value = part.partition("=")
        name, value = name.strip().lower(), value.strip()
        if not part.strip():
            continue
        if not equals or name not in _KNOWN:
            raise ValueError(
                "the connection string has a part that is not known here; give AccountName and "
                "AccountKey, or SharedAccessSignature and an endpoint"
            )
        if name in found:
            raise ValueError(f"the connection string says {name} twice")
        found[name] = value
    return found


def _held(url: str, service: Service, rules: Rules) -> SplitResult:
    """The parts of an endpoint that may be named."""
    try:
        parsed = urlsplit(url)
        host, port = (parsed.hostname or ""), parsed.port
    except ValueError:
        host, port, parsed = "", None, SplitResult("", "", "", "", "")
    if not host or not _PLAIN.fullmatch(url) or "\\" in url or parsed.scheme not in _SCHEMES:
        raise ValueError(_FORMS.format(service=service))
    if parsed.username is not None or "@" in parsed.netloc or parsed.query or parsed.fragment:
        raise ValueError("the endpoint has a user, a query or a fragment")
    if rules.anywhere:
        return parsed
    account = _account(parsed, service)
    if parsed.scheme != "https" or port not in (None, 443) or account is None:
        raise ValueError(
            f"the endpoint must be https://ACCOUNT.{service}.{SUFFIXES[0]}, or that of another of "
            "Azure's clouds"
        )
    if account in rules.own:
        raise ValueError(f"the account {account} is not yours")
    return parsed


_SCHEMES = ("https", "http")


def _account(parsed: SplitResult, service: Service) -> str | None:
    """The account that Azure's own name of an endpoint says; None if it is no such name."""
    named = _HOST.fullmatch((parsed.hostname or "").lower())
    if named is None or named["service"] != service or named["end"] not in SUFFIXES:
        return None
    return named["account"]


def _signature(text: str) -> str:
    """The signature, if it says nothing but what a signature does."""
    pairs = parse_qsl(text, keep_blank_values=True)
    names = [name for name, _ in pairs]
    if "sig" not in names or len(set(names)) != len(names) or set(names) - _SIGNED:
        raise ValueError("the shared access signature is none, or says more than one does")
    if not _PLAIN.fullmatch(text) or "#" in text:
        raise ValueError("the shared access signature has characters that no URL has")
    return text


def _key(account: str, secret: str) -> SharedKey:
    try:
        b64decode(secret, validate=True)
    except ValueError:
        raise ValueError("AccountKey in the connection string is no key") from None
    return SharedKey(account, secret)
