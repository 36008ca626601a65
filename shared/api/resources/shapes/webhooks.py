"""What the API takes and returns for webhooks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field

from shared.api.fields import Input, Name, ProjectId
from shared.api.lists import Paged
from shared.api.resources.shapes.resource import Description, ResourceOut, Said, Url
from shared.errors import Invalid
from shared.resources.model import Resource
from shared.resources.service import Made
from shared.resources.wanted import check_signing_key
from shared.settings import Secret


def _signing_key(text: str) -> str:
    try:
        check_signing_key(Secret(text))
    except Invalid as error:
        raise ValueError(error.message) from None
    return text


SigningKey = Annotated[
    str,
    Field(max_length=200, json_schema_extra={"pattern": "^whsec_[A-Za-z0-9+/]{32,86}={0,2}$"}),
    AfterValidator(_signing_key),
]


class _Webhook(Said):
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


class WebhookList(Paged):
    webhooks: list[WebhookOut]
