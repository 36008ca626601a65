"""What the API takes and returns for webhooks, repositories and targets.

Secrets are taken, and never returned: `secrets` says which there are. The one exception is a
signing key that Belfry made, which the answer shows that tells of it, and no other.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, Field

from shared.api.fields import Input, Name, ProjectId, formed
from shared.api.lists import Paged
from shared.api.shown import Shown
from shared.errors import Invalid
from shared.resources.model import Resource
from shared.resources.service import Made
from shared.resources.targets import TargetKind
from shared.resources.wanted import Wanted, check_signing_key, has_secret_url
from shared.settings import Secret

_URL = "https?://[!-~]+"


def _signing_key(text: str) -> str:
    try:
        check_signing_key(Secret(text))
    except Invalid as error:
        raise ValueError(error.message) from None
    return text


Url = Annotated[
    str,
    Field(max_length=2000, json_schema_extra={"pattern": f"^{_URL}$"}),
    formed(_URL, "give a URL such as https://example.com/shop"),
]
SigningKey = Annotated[
    str,
    Field(max_length=200, json_schema_extra={"pattern": "^whsec_[A-Za-z0-9+/]{32,86}={0,2}$"}),
    AfterValidator(_signing_key),
]
SecretText = Annotated[str, Field(min_length=1, max_length=4000)]
End = Annotated[str, Field(max_length=64)]
Description = Annotated[str, Field(max_length=2000)]


class _Said(Input):
    """What is said of a resource: fields of its model, and secrets."""

    PLAIN: ClassVar[tuple[str, ...]]
    SECRET: ClassVar[tuple[str, ...]] = ()

    def wanted(self) -> Wanted:
        """What is given; what is null or left out has its default."""
        given = {name: getattr(self, name) for name in self.PLAIN}
        return Wanted(
            fields={name: one for name, one in given.items() if one is not None},
            secrets=self.secrets(),
        )

    def secrets(self) -> dict[str, Secret | None]:
        """The secrets to set; null removes one."""
        named = {name: getattr(self, name) for name in self.SECRET if name in self.model_fields_set}
        return {name: None if one is None else Secret(one) for name, one in named.items()}

    def onto(self, one: Resource[Any]) -> Wanted:
        """What the resource is to be; what is left out stays, and so does what is null, except
        secrets."""
        was = {name: getattr(one.what, name) for name in self.PLAIN}
        changed = self.wanted()
        return Wanted(fields=was | dict(changed.fields), secrets=changed.secrets)


class _Webhook(_Said):
    PLAIN = ("name", "description", "ordered", "headers")
    SECRET = ("url", "signing_key")

    def secrets(self) -> dict[str, Secret | None]:
        """No webhook is without a URL and a signing key: null changes neither."""
        return {name: one for name, one in super().secrets().items() if one is not None}


class NewWebhook(_Webhook):
    """A webhook to be made."""

    name: Name
    description: Description | None = None
    project_id: ProjectId | None = None
    url: Url
    """Where events are delivered. It is a secret: answers show its host and the beginning of its
    path."""
    signing_key: SigningKey | None = None
    """`whsec_` and 24 to 64 bytes in base64 (Standard Webhooks). Default: one is made, and shown
    once."""
    ordered: bool | None = None
    """Whether a delivery waits until all before it have ended. Default: false."""
    headers: dict[str, str] | None = Field(default=None, max_length=20)
    """Further headers of each request; no secrets."""


class WebhookChange(_Webhook):
    """What is to change; what is left out or null stays."""

    name: Name | None = None
    description: Description | None = None
    url: Url | None = None
    signing_key: SigningKey | None = None
    """Signs from now on, alone; `POST .../rotate` lets the one before sign as well for a time."""
    ordered: bool | None = None
    headers: dict[str, str] | None = Field(default=None, max_length=20)


class Rotation(Input):
    """A new signing key."""

    overlap_hours: int = Field(default=24, ge=0, le=720, strict=True)
    """For how long the key before signs as well."""
    signing_key: SigningKey | None = None
    """Default: one is made, and shown once."""


class _Repository(_Said):
    PLAIN = ("name", "description", "url", "branch", "username")
    SECRET = ("token",)


class NewRepository(_Repository):
    """A Git repository to be made known."""

    name: Name
    description: Description | None = None
    project_id: ProjectId | None = None
    url: Url
    """https, without a user and a password."""
    branch: str | None = Field(default=None, max_length=255)
    """Default: the one that the repository says is its default."""
    username: str | None = Field(default=None, max_length=100)
    """What goes with the token. Default: `x-access-token`, which GitHub takes."""
    token: SecretText | None = None
    """What it is read with. Null removes it."""


class RepositoryChange(_Repository):
    """What is to change; what is left out stays. Null removes the token, and changes nothing
    else."""

    name: Name | None = None
    description: Description | None = None
    url: Url | None = None
    """If it leads to another host, the token must be given anew."""
    branch: str | None = Field(default=None, max_length=255)
    username: str | None = Field(default=None, max_length=100)
    token: SecretText | None = None


class _Target(_Said):
    PLAIN: ClassVar[tuple[str, ...]] = (
        "name",
        "description",
        "kind",
        "url",
        "host",
        "port",
        "record",
        "container",
        "table",
        "source_id",
        "destination_id",
    )
    SECRET = ("authorization",)


class NewTarget(_Target):
    """A target to be made. Which fields it needs depends on its kind: http takes `url` and
    `authorization`; tcp `host` and `port`; tls `host` and `port`; dns `host` and `record`; sql,
    container and table `url`, which is a secret then; pair `source_id` and `destination_id`."""

    name: Name
    description: Description | None = None
    project_id: ProjectId | None = None
    kind: TargetKind
    url: str | None = Field(default=None, max_length=4000)
    """Of http: where it answers. Of sql: `postgresql://user:password@host/database`. Of container
    and table: its URL with a SAS, or a connection string. A secret, except of http."""
    authorization: SecretText | None = None
    """Of http: the header of that name, such as `Bearer abc`. Null removes it."""
    host: str | None = Field(default=None, max_length=255)
    port: int | None = Field(default=None, ge=1, le=65535, strict=True)
    """Of tcp, and of tls (default: 443)."""
    record: str | None = Field(default=None, max_length=10)
    """Of dns: A (default), AAAA, CNAME, MX, TXT, NS or SRV."""
    container: str | None = Field(default=None, max_length=63)
    """If a connection string is given."""
    table: str | None = Field(default=None, max_length=63)
    """If a connection string is given; of sql: the table that a sync copies."""
    source_id: End | None = None
    """Of a pair: the target that is copied from."""
    destination_id: End | None = None
    """Of a pair: the target that is copied to."""

    def wanted(self) -> Wanted:
        return _with_url(super().wanted(), self.kind)


class TargetChange(_Target):
    """What is to change; what is left out stays. Null removes `authorization`, and changes nothing
    else. The kind stays."""

    PLAIN = tuple(name for name in _Target.PLAIN if name != "kind")

    name: Name | None = None
    description: Description | None = None
    url: str | None = Field(default=None, max_length=4000)
    authorization: SecretText | None = None
    host: str | None = Field(default=None, max_length=255)
    port: int | None = Field(default=None, ge=1, le=65535, strict=True)
    record: str | None = Field(default=None, max_length=10)
    container: str | None = Field(default=None, max_length=63)
    table: str | None = Field(default=None, max_length=63)
    source_id: End | None = None
    destination_id: End | None = None

    def onto(self, one: Resource[Any]) -> Wanted:
        made = super().onto(one)
        fields = dict(made.fields) | {"kind": one.what.kind}
        given = Wanted(fields=fields, secrets=made.secrets)
        return _with_url(given, one.what.kind) if self.url is not None else given


def _with_url(wanted: Wanted, kind: TargetKind) -> Wanted:
    """The URL as a secret, if it is one for that kind."""
    if not has_secret_url(kind) or "url" not in wanted.fields:
        return wanted
    fields = dict(wanted.fields)
    return Wanted(fields=fields, secrets={**wanted.secrets, "url": Secret(fields.pop("url"))})


class Disabled(Input):
    """Why it is disabled."""

    reason: str = Field(default="", max_length=500)


class ResourceOut(Shown):
    """What all kinds have in common."""

    id: str
    project_id: int | None
    name: str
    description: str
    enabled: bool
    disabled_reason: str | None
    """Why it takes part in nothing now."""
    secrets: dict[str, bool]
    """Which secrets it has; their values are never shown."""
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, one: Resource[Any]) -> Self:
        return cls(**cls._fields(one))

    @classmethod
    def _fields(cls, one: Resource[Any]) -> dict[str, Any]:
        own = {name: getattr(one.what, name, None) for name in cls.model_fields}
        return own | {
            "id": one.id,
            "project_id": one.project_id,
            "enabled": not one.disabled,
            "disabled_reason": one.disabled or None,
            "secrets": {name: name in one.has for name in type(one.what).SECRETS},
            "created_at": one.created_at,
            "updated_at": one.updated_at,
        }


class WebhookOut(ResourceOut):
    """A webhook."""

    url: str
    """The host, and the beginning of the path."""
    host: str
    ordered: bool
    headers: dict[str, str]
    old_key_until: datetime | None
    """Until when the signing key before the last rotation signs as well."""

    @classmethod
    def _fields(cls, one: Resource[Any]) -> dict[str, Any]:
        return super()._fields(one) | {
            "url": one.what.shown_url,
            "old_key_until": one.what.old_key_until or None,
        }


class WebhookMade(WebhookOut):
    """A webhook that was made, or got a new key."""

    signing_key: str | None
    """The key that was made: it is shown here only. Null if the caller gave one, or if a request is
    answered again."""

    @classmethod
    def after(cls, made: Made, *, once: bool = True) -> Self:
        key = made.shown_once if once else None
        return cls(**cls._fields(made.resource) | {"signing_key": key.reveal() if key else None})


class RepositoryOut(ResourceOut):
    """A repository."""

    url: str
    branch: str
    username: str


class TargetOut(ResourceOut):
    """A target."""

    kind: TargetKind
    url: str | None
    """Of http; other URLs are secrets."""
    host: str | None
    port: int | None
    record: str | None
    container: str | None
    table: str | None
    source_id: str | None
    destination_id: str | None

    @classmethod
    def _fields(cls, one: Resource[Any]) -> dict[str, Any]:
        found = super()._fields(one)
        plain = ("url", "host", "port", "record", "container", "table", *_ENDS)
        return found | {name: found[name] or None for name in plain}


_ENDS = ("source_id", "destination_id")


class WebhookList(Paged):
    webhooks: list[WebhookOut]


class RepositoryList(Paged):
    repositories: list[RepositoryOut]


class TargetList(Paged):
    targets: list[TargetOut]
