"""The tokens of an identity: kept, and asked for once for all threads.

Azure's library asks the identity's endpoint in each thread that finds the token old, which it is
from half of its life on, and each waits for the answer. So an endpoint that is slow or down would
delay every request to storage, although the token is valid for hours. Here an old token is given
out while one thread, for which nobody waits, asks for the next. Only if there is none that is
valid, callers wait, all for the same answer.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from shared.clock import Clock, SystemClock
from shared.threads import start

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, AccessTokenInfo

SHORT = timedelta(minutes=5)
"""A token that is valid for less is given out only if there is no other."""
OLD = timedelta(minutes=15)
"""A token that is valid for less is replaced, if it does not say from when on."""
PAUSE = 30.0
"""Seconds after a failure in which nothing is asked, while there is a valid token."""
YOUNG = 30.0
"""Seconds for which a token is taken for new: if a service rejects it, another one would not help.
"""


@dataclass(slots=True)
class _Kept:
    """What is known of the tokens for a service."""

    token: AccessTokenInfo | None = None
    got_at: float = 0.0
    """When, by the clock that nobody sets."""
    failed_at: float | None = None
    """When the endpoint failed last, if that was after `got_at`."""
    asking: Future[AccessTokenInfo] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class KeptTokens:
    """A credential for Azure's clients. Several threads may use it at once.

    Whatever `make`'s credential raises is raised to all who wait for its answer.
    """

    def __init__(self, make: Callable[[], Any], clock: Clock | None = None) -> None:
        """`make` makes the credential that is asked for one token: it would keep it, too, and give
        it out again after a service has rejected it."""
        self._make = make
        self._clock = clock or SystemClock()
        self._kept: dict[tuple[str, ...], _Kept] = {}

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """A token for a service."""
        from azure.core.credentials import AccessToken

        found = self.get_token_info(*scopes, options=options)
        return AccessToken(found.token, found.expires_on)

    def get_token_info(self, *scopes: str, options: Any = None) -> AccessTokenInfo:
        """The same, as Azure's newer clients ask for it. They name claims or a tenant after a
        service has rejected a token."""
        given = options or {}
        if given.get("claims") or given.get("tenant_id"):
            self.reject(*scopes)
        kept = self._kept.setdefault(scopes, _Kept())
        with kept.lock:
            token = kept.token
            if token is not None and not self._is_short(token):
                if self._is_old(token) and kept.asking is None and not self._pauses(kept):
                    self._ask_in_background(kept, scopes)
                return token
            if token is not None and self._is_valid(token) and self._pauses(kept):
                return token
            mine, asking = kept.asking is None, kept.asking or Future()
            kept.asking = asking
        if mine:
            self._ask(kept, scopes, asking)
        try:
            return asking.result()
        except Exception:
            if token is not None and self._is_valid(token):
                return token
            raise

    def reject(self, *scopes: str) -> None:
        """A service did not take the token, so another is asked for, unless it is a new one."""
        kept = self._kept.setdefault(scopes, _Kept())
        with kept.lock:
            if self._clock.monotonic() - kept.got_at >= YOUNG:
                kept.token = None

    def _ask_in_background(self, kept: _Kept, scopes: tuple[str, ...]) -> None:
        asking: Future[AccessTokenInfo] = Future()
        if start(lambda: self._ask(kept, scopes, asking), "token"):
            kept.asking = asking

    def _ask(self, kept: _Kept, scopes: tuple[str, ...], asking: Future[AccessTokenInfo]) -> None:
        """Ask for a token, and give it to all who wait for it. Raises nothing."""
        try:
            found = _info(self._make(), scopes)
        except BaseException as error:  # for whoever waits
            with kept.lock:
                kept.failed_at, kept.asking = self._clock.monotonic(), None
            asking.set_exception(error)
            return
        with kept.lock:
            kept.token, kept.got_at, kept.failed_at = found, self._clock.monotonic(), None
            kept.asking = None
        asking.set_result(found)

    def _pauses(self, kept: _Kept) -> bool:
        failed = kept.failed_at
        return failed is not None and self._clock.monotonic() - failed < PAUSE

    def _left(self, token: AccessTokenInfo) -> timedelta:
        return timedelta(seconds=token.expires_on - self._clock.now().timestamp())

    def _is_valid(self, token: AccessTokenInfo) -> bool:
        return self._left(token) > timedelta()

    def _is_short(self, token: AccessTokenInfo) -> bool:
        return self._left(token) < SHORT

    def _is_old(self, token: AccessTokenInfo) -> bool:
        if token.refresh_on is None:
            return self._left(token) < OLD
        return token.refresh_on < self._clock.now().timestamp()


def _info(credential: Any, scopes: tuple[str, ...]) -> AccessTokenInfo:
    """A token of the credential, which is done with then."""
    with closing(credential):
        found: AccessTokenInfo = credential.get_token_info(*scopes)
    return found
