"""What a person wants a resource to be, and what it is then. Pure: (before, wanted) -> resource.

What a kind needs is checked here; where a URL or a host may lead is checked by `Places` (the
guarded client).
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets as random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlsplit

from pydantic import ValidationError

from shared.errors import Invalid
from shared.outgoing.inner import hold_record
from shared.outgoing.postgres import server
from shared.resources.model import Described, Kind
from shared.resources.repositories import Repository
from shared.resources.rows import MODELS
from shared.resources.targets import TLS_PORT, Target, TargetKind
from shared.resources.webhooks import Webhook
from shared.settings import Secret
from shared.tasks.wording import first_in_words


class Places(Protocol):
    """Where customers may go (`Outgoing`). Nothing is looked up."""

    def hold(self, url: str) -> None:
        """Raise `ValueError`, without the URL in its text, unless a request may go there."""

    def hold_host(self, host: str, port: int) -> None:
        """The same for a connection of any protocol."""


KEY_BYTES = range(24, 65)
"""Of a webhook's signing key.
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md"""
LONGEST_SECRET = 4_000
"""A Key Vault takes 25 kB for all secrets of a resource."""
_SHOWN_PATH = 4
"""How many letters of a webhook's path are shown: it may be a secret."""
_RECORDS = ("A", "AAAA", "CNAME", "MX", "TXT", "NS", "SRV")
_CONTAINER = re.compile(r"\$root|(?=.{3,63}$)[a-z0-9](?:-?[a-z0-9])*")
_TABLE = re.compile(r"[A-Za-z][A-Za-z0-9]{2,62}")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_VALUE = re.compile(r"[\x20-\x7e]{0,1000}")
_PLAIN = re.compile(r"[\x20-\x7e]+")
_USER = re.compile(r"[!-9;-~]*")
"""HTTP's basic authentication ends it with a colon (RFC 7617, 2)."""
_BRANCH = re.compile(r"(?![-/])[^\x00-\x20\x7f~^:?*\[\\]*(?<![./])|")
"""https://git-scm.com/docs/git-check-ref-format, without what cannot be told by letters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What a person says."""

    fields: Mapping[str, Any]
    """Of the kind's model, by name; none that Belfry derives."""
    secrets: Mapping[str, Secret | None] = field(default_factory=dict)
    """Secrets to set, and those to remove (None); the others stay as they are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settled:
    """What it is then."""

    what: Described
    secrets: Mapping[str, Secret]
    """All of them."""


def settled(
    kind: Kind,
    before: Described | None,
    kept: Mapping[str, Secret],
    wanted: Wanted,
    places: Places,
) -> Settled:
    """The resource. `before`, `kept`: what it was, and its secrets. Raises `Invalid`."""
    _hold_sizes(wanted.secrets)
    cleared = {name for name, one in wanted.secrets.items() if one is None}
    given = {name: one for name, one in wanted.secrets.items() if one is not None}
    secrets = {name: one for name, one in kept.items() if name not in cleared} | given
    fields = dict(wanted.fields)
    if kind is Kind.WEBHOOK:
        fields |= _derived(before, given)
    what = _made(kind, fields)
    if isinstance(what, Webhook):
        _hold_webhook(what, secrets, given, places)
    elif isinstance(what, Repository):
        _hold_repository(what, given, places)
        _hold_same_host(before, what, "token", secrets, given)
    elif isinstance(what, Target):
        secrets = _target(before, what, secrets, given, places)
    return Settled(what=what, secrets=secrets)


def new_signing_key() -> Secret:
    """32 random bytes, as Standard Webhooks writes keys."""
    return Secret("whsec_" + base64.b64encode(random.token_bytes(32)).decode())


def rotated(
    what: Webhook, kept: Mapping[str, Secret], key: Secret, now: datetime, overlap: timedelta
) -> Settled:
    """The webhook with a new signing key; the one before signs as well until the overlap ends."""
    check_signing_key(key)
    secrets = {name: one for name, one in kept.items() if name != "old_signing_key"}
    until = ""
    if overlap and "signing_key" in kept:
        secrets["old_signing_key"] = kept["signing_key"]
        until = (now + overlap).isoformat()
    secrets["signing_key"] = key
    return Settled(what=what.model_copy(update={"old_key_until": until}), secrets=secrets)


def check_signing_key(key: Secret) -> None:
    """Raise `Invalid` unless it is one."""
    text = key.reveal()
    try:
        raw = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not text.startswith("whsec_") or len(raw) not in KEY_BYTES:
        raise Invalid(
            "signing_key",
            f"give whsec_ and {KEY_BYTES[0]} to {KEY_BYTES[-1]} bytes in base64, or leave it out, "
            "and one is made",
        )


def shown_url(url: str) -> str:
    """A URL whose path and query may be secrets, as people may see it."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    path = parts.path if parts.path != "/" or not parts.query else "/?"
    if len(path) <= 1 and not parts.query:
        return f"{parts.scheme}://{host}{path}"[:300]
    return f"{parts.scheme}://{host}{path[: _SHOWN_PATH + 1]}…"[:300]


def _made(kind: Kind, fields: Mapping[str, Any]) -> Described:
    model = MODELS[kind]
    try:
        return model.model_validate(dict(fields))
    except ValidationError as error:
        place, said = first_in_words(error.errors(), model, "field")
        raise Invalid(".".join(map(str, place)) or "body", said) from None


def _derived(before: Described | None, given: Mapping[str, Secret]) -> dict[str, Any]:
    """What is derived of a webhook."""
    if "url" in given:
        url = given["url"].reveal()
        try:
            host = urlsplit(url).hostname or ""
            derived = {"host": host[:255], "shown_url": shown_url(url)}
        except ValueError:
            raise Invalid("url", "give a URL such as https://example.com/hooks/belfry") from None
    else:
        was = before if isinstance(before, Webhook) else None
        derived = {"host": was.host, "shown_url": was.shown_url} if was else {}
    until = before.old_key_until if isinstance(before, Webhook) else ""
    return derived | {"old_key_until": "" if "signing_key" in given else until}


def _hold_webhook(
    what: Webhook, secrets: dict[str, Secret], given: Mapping[str, Secret], places: Places
) -> None:
    if "url" not in secrets:
        raise Invalid("url", "give the URL to which events are delivered")
    if "url" in given:
        _hold_url("url", given["url"].reveal(), places)
    if "signing_key" in given:
        check_signing_key(given["signing_key"])
        secrets.pop("old_signing_key", None)  # a person who gives a key wants that one alone
    for name, value in what.headers.items():
        if not _HEADER.fullmatch(name) or not _VALUE.fullmatch(value):
            raise Invalid(
                "headers",
                f"{name!r:.60}: give a name of letters, digits and -, and a value of at most 1,000 "
                "visible ASCII characters and spaces",
            )


def _hold_repository(what: Repository, given: Mapping[str, Secret], places: Places) -> None:
    if not what.url.startswith("https://"):
        raise Invalid("url", "give an https URL such as https://github.com/company/shop.git")
    _hold_url("url", what.url, places)
    if not _USER.fullmatch(what.username):
        raise Invalid("username", "give visible ASCII characters, without a colon")
    if not _BRANCH.fullmatch(what.branch) or ".." in what.branch:
        raise Invalid("branch", "give the name of a branch, such as main")
    if "token" in given and not _PLAIN.fullmatch(given["token"].reveal()):
        raise Invalid("token", "give visible ASCII characters")


def _target(
    before: Described | None,
    what: Target,
    secrets: Mapping[str, Secret],
    given: Mapping[str, Secret],
    places: Places,
) -> dict[str, Secret]:
    """Its secrets. Raises `Invalid` if it has not what its kind needs, or more."""
    kind = what.kind
    rule = _RULES[kind]
    for name in ("url", "host", "port", "record", "container", "table", *_ENDS):
        there = getattr(what, name) not in ("", None)
        if name in rule.needs and not there:
            raise Invalid(name, f"a target of kind {kind} needs it")
        if there and name not in (*rule.needs, *rule.may):
            raise Invalid(name, f"a target of kind {kind} has none; leave it out")
    for name in given:
        if name not in rule.secrets:
            raise Invalid(name, f"a target of kind {kind} has none; leave it out")
    was = before if isinstance(before, Target) else None
    if was is not None and was.kind is not kind:
        secrets = given
    if "url" in rule.secrets and "url" not in secrets:
        raise Invalid("url", f"a target of kind {kind} needs it")
    _hold_target(what, given, places)
    if kind is TargetKind.HTTP:
        _hold_same_host(before, what, "authorization", secrets, given)
    return dict(secrets)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Rule:
    needs: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()


_ENDS = ("source_id", "destination_id")
_RULES: Mapping[TargetKind, _Rule] = {
    TargetKind.HTTP: _Rule(needs=("url",), secrets=("authorization",)),
    TargetKind.TCP: _Rule(needs=("host", "port")),
    TargetKind.TLS: _Rule(needs=("host",), may=("port",)),
    TargetKind.DNS: _Rule(needs=("host",), may=("record",)),
    TargetKind.SQL: _Rule(may=("table",), secrets=("url",)),
    TargetKind.CONTAINER: _Rule(may=("container",), secrets=("url",)),
    TargetKind.TABLE: _Rule(may=("table",), secrets=("url",)),
    TargetKind.PAIR: _Rule(needs=_ENDS),
}


def has_secret_url(kind: TargetKind) -> bool:
    """Whether the URL of a target of this kind is a secret."""
    return "url" in _RULES[kind].secrets


def _hold_target(what: Target, given: Mapping[str, Secret], places: Places) -> None:
    """Raise `Invalid` if one of its values is none that its kind can have."""
    kind = what.kind
    if kind is TargetKind.HTTP:
        _hold_url("url", what.url, places)
    if kind in (TargetKind.TCP, TargetKind.TLS):
        _hold_place("host", lambda: places.hold_host(what.host, what.port or TLS_PORT))
    if kind is TargetKind.DNS:
        _hold_place("host", lambda: hold_record(what.host))
    if kind is TargetKind.DNS and what.record and what.record not in _RECORDS:
        raise Invalid("record", f"give {', '.join(_RECORDS)}; default: A")
    if what.container and not _CONTAINER.fullmatch(what.container):
        raise Invalid("container", "give 3 to 63 lower-case letters, digits and -")
    if kind is TargetKind.TABLE and what.table and not _TABLE.fullmatch(what.table):
        raise Invalid("table", "give 3 to 63 letters and digits, a letter first")
    if kind is TargetKind.PAIR and what.source_id == what.destination_id:
        raise Invalid("destination_id", "give another target than source_id")
    if "authorization" in given and not _PLAIN.fullmatch(given["authorization"].reveal()):
        raise Invalid("authorization", "give visible ASCII characters, such as `Bearer abc`")
    if "url" in given and has_secret_url(kind):
        _hold_secret_url(what, given["url"].reveal(), places)


def _hold_secret_url(what: Target, url: str, places: Places) -> None:
    kind = what.kind
    if kind is TargetKind.SQL:
        at = server(url)
        _hold_place("url", lambda: places.hold_host(at.host, at.port))
        return
    if url.startswith(("https://", "http://")):
        _hold_url("url", url, places)
        return
    if "AccountName=" not in url and "SharedAccessSignature=" not in url:
        raise Invalid("url", f"give the URL of the {kind} with a SAS, or a connection string")
    name = "container" if kind is TargetKind.CONTAINER else "table"
    if not getattr(what, name):
        raise Invalid(name, "a connection string does not name it; give it here")


def _hold_url(name: str, url: str, places: Places) -> None:
    _hold_place(name, lambda: places.hold(url))


def _hold_place(name: str, check: Callable[[], None]) -> None:
    try:
        check()
    except ValueError as error:
        raise Invalid(name, str(error)) from None


def _hold_same_host(
    before: Described | None,
    what: Described,
    secret: str,
    secrets: Mapping[str, Secret],
    given: Mapping[str, Secret],
) -> None:
    """Raise `Invalid` if a secret would be sent to another host than the one for which it was
    given: whoever may change a URL could else read a secret that nobody is shown."""
    was = getattr(before, "url", "")
    if secret not in secrets or secret in given or not was:
        return
    if urlsplit(was)[:2] != urlsplit(getattr(what, "url", ""))[:2]:
        raise Invalid(secret, "its URL leads to another host; give it anew, or null for none")


def _hold_sizes(given: Mapping[str, Secret | None]) -> None:
    for name, one in given.items():
        if one is not None and not 1 <= len(one.reveal()) <= LONGEST_SECRET:
            raise Invalid(name, f"give 1 to {LONGEST_SECRET:,} characters")
