"""The app's scale settings at Azure's management API.

They are a part of the app's resource: `properties.functionAppConfig.scaleAndConcurrency`. A PATCH
that names `functionAppConfig` replaces all of it, where the code is deployed from among it, so the
whole of it is sent as it was read a moment before, with the new numbers. It names nothing else, so
no setting, identity or network of the app is touched.
https://learn.microsoft.com/rest/api/appservice/web-apps/update

Each change is an update of the site: by default Azure then restarts the running instances.
https://learn.microsoft.com/azure/azure-functions/flex-consumption-site-updates
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from shared import tracing
from shared.errors import Misconfigured, Refused, Unavailable
from shared.identity import tokens
from shared.log import short
from shared.scaling.policy import Scale

if TYPE_CHECKING:
    import requests

SERVICE = "Azure's management API"
URL = "https://management.azure.com"
VERSION = "2024-11-01"
TIMEOUTS = (5, 20)
"""Seconds to connect, and to wait for each part of the answer."""
RIGHTS = "Microsoft.Web/sites/read and Microsoft.Web/sites/write on the app"
"""What the identity's role must have."""
_HTTP = "http"
"""The group of all HTTP functions among those that are always ready."""
_INSTANCES = 100
"""The most instances of an app for which nobody set a number."""
_LATER = (408, 409, 412, 429)
"""Somebody else changes the app, or we asked too often."""
_SAID = 300


class Later(Unavailable):
    """The service asks to wait."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(SERVICE, message)
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Found:
    """The app as it was read."""

    scale: Scale
    config: Mapping[str, Any]
    """All of `functionAppConfig`."""
    changed_at: datetime | None
    """When anybody changed the app last; None if the answer does not say."""
    etag: str | None


class Site:
    """The function app. Every method raises `Refused` or `Misconfigured` if a person must do
    something about it, and `Unavailable` (`Later`) if the next run may succeed."""

    def __init__(self, resource_id: str, client_id: str, url: str = URL) -> None:
        """`client_id`: of the user-assigned identity; empty for the system-assigned one. `url`:
        where the management API is; tokens are asked for by the same name."""
        self.name = resource_id.rpartition("/")[2]
        self._url = f"{url}{resource_id}?api-version={VERSION}"
        self._scope = f"{url}/.default"
        self._client_id = client_id

    def read(self) -> Found:
        """The app now."""
        return found_in(*self._ask("GET"))

    def write(self, before: Found, scale: Scale) -> None:
        """Set these numbers. Afterwards, `read` tells what has come of it."""
        body = {"properties": {"functionAppConfig": changed(before.config, scale)}}
        headers = {} if before.etag is None else {"If-Match": before.etag}
        self._ask("PATCH", body, headers)

    def _ask(
        self, method: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> tuple[Any, Mapping[str, str]]:
        """(the answer's JSON, its headers)."""
        answer = self._sent(method, body, headers or {})
        if answer.status_code == 401:  # the token may have been revoked
            tokens.reject(self._client_id, self._scope)
            answer = self._sent(method, body, headers or {})
        if not 200 <= answer.status_code < 300:
            raise _failure(answer)
        return _json(answer), answer.headers

    def _sent(self, method: str, body: object, headers: Mapping[str, str]) -> requests.Response:
        import requests

        authorization = {"Authorization": f"Bearer {tokens.token(self._client_id, self._scope)}"}
        try:
            with tracing.call(method, self._url) as call:
                answer = requests.request(
                    method,
                    self._url,
                    json=body,
                    headers={**headers, **authorization},
                    timeout=TIMEOUTS,
                    allow_redirects=False,
                )
                call.answered(answer.status_code)
        except requests.RequestException as error:
            raise Unavailable(SERVICE, f"did not answer ({type(error).__name__})") from None
        return answer


def found_in(body: Any, headers: Mapping[str, str]) -> Found:
    """The app in an answer. Raises `Misconfigured` if it has no such settings, and `Unavailable` if
    the answer is none."""
    if not isinstance(body, dict) or not isinstance(body.get("properties"), dict):
        raise Unavailable(SERVICE, "answered something else than the app")
    config = body["properties"].get("functionAppConfig")
    if not isinstance(config, dict):
        raise Misconfigured("SCALING_SITE is no function app on a Flex Consumption plan")
    return Found(
        scale=_scale(config.get("scaleAndConcurrency") or {}),
        config=config,
        changed_at=_instant(body["properties"].get("lastModifiedTimeUtc")),
        etag=headers.get("ETag"),
    )


def _scale(given: Mapping[str, Any]) -> Scale:
    try:
        always = {one["name"]: one["instanceCount"] for one in given.get("alwaysReady") or ()}
        http = (given.get("triggers") or {}).get("http") or {}
        concurrency = http.get("perInstanceConcurrency")
        return Scale(
            ready=int(always.get(_HTTP, 0)),
            instances=int(given.get("maximumInstanceCount", _INSTANCES)),
            concurrency=None if concurrency is None else int(concurrency),
        )
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        said = f"answered scale settings that nobody can read ({error!r:.100})"
        raise Unavailable(SERVICE, said) from None


def changed(config: Mapping[str, Any], scale: Scale) -> dict[str, Any]:
    """The same `functionAppConfig` with these numbers, and nothing else changed: what else is
    always ready stays, and so does the memory of an instance."""
    made = copy.deepcopy(dict(config))
    part = made.setdefault("scaleAndConcurrency", {})
    others = [one for one in part.get("alwaysReady") or () if one["name"] != _HTTP]
    own = [{"name": _HTTP, "instanceCount": scale.ready}] if scale.ready else []
    part["alwaysReady"] = others + own
    part["maximumInstanceCount"] = scale.instances
    if scale.concurrency is not None:
        triggers = part["triggers"] = dict(part.get("triggers") or {})
        http = dict(triggers.get("http") or {})
        triggers["http"] = {**http, "perInstanceConcurrency": scale.concurrency}
    return made


def _instant(given: object) -> datetime | None:
    """Azure writes UTC without an offset, and seven decimals, of which Python takes six."""
    try:
        at = datetime.fromisoformat(str(given)[:26].rstrip("Z"))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _failure(answer: requests.Response) -> Refused | Misconfigured | Unavailable:
    status, said = answer.status_code, short(answer.text, _SAID)
    message = f"answered {status}: {said}" if said else f"answered {status}"
    if status in (401, 403):
        return Refused(SERVICE, f"{message}; the app's identity needs a role with {RIGHTS}")
    if status == 404:
        return Misconfigured(f"SCALING_SITE: there is no such app ({message})")
    if status < 500 and status not in _LATER:
        return Refused(SERVICE, message)
    asked = answer.headers.get("Retry-After", "")
    if asked.isdigit():
        return Later(f"{message}, and asks to wait for {asked} s", min(int(asked), 86_400))
    return Unavailable(SERVICE, message)


def _json(answer: requests.Response) -> Any:
    """The answer's JSON; None if it has no content, as some that are accepted. Raises
    `Unavailable`."""
    if not answer.content:
        return None
    try:
        return answer.json()
    except ValueError:
        raise Unavailable(SERVICE, "answered something that is no JSON") from None
