"""The gate that each request of the API passes: it says who asks.

By a key, which is stronger than a sign-in that came with it; by a sign-in, where the settings say
that people sign in; or, as long as no key was ever made and nobody can sign in, whoever comes past
the host's own door, as an admin (`LOCAL`).

What was read is believed for `FRESH`: so an ordinary request reads nothing, and what is changed at
one instance holds at all others within that time. That a key was once made is believed for good.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from shared.access import LOCAL, Caller, sign_in
from shared.access import keys as pure
from shared.access.keys import Key
from shared.access.sign_in import SignIn
from shared.clock import Clock
from shared.errors import BelfryError, Damaged, Forbidden, Unauthenticated
from shared.keys.lots import Lots
from shared.keys.refusals import Refusals
from shared.keys.table import KeyTable
from shared.log import Event, event

_logger = logging.getLogger("belfry.keys")

FRESH = timedelta(seconds=5)
"""How long what was read of keys is believed."""
USED = timedelta(minutes=5)
"""How much later a use has to be than the last one that was noted."""
_KNOWN = 2000
"""The most keys that an instance remembers."""
_BEARER = "bearer "
_HOW = (
    "send a key (bfy_...) as a Bearer token, in the header Authorization; an admin makes one: "
    "POST /api/v1/keys, or `python -m functions keys create`"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Knock:
    """What a request says of who sends it."""

    authorization: tuple[str, ...] = ()
    """Its headers of that name."""
    principal: tuple[str, ...] = ()
    """Its headers `X-MS-CLIENT-PRINCIPAL`."""
    from_elsewhere: bool = False
    """Whether a page of another site may have sent it, to change something with the sign-in of
    whoever looks at that page."""
    address: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Entered:
    """A caller who came in."""

    caller: Caller
    headers: Mapping[str, str]
    """What the answer says of its rate limit."""


class Gate:
    """The gate. `people`: how people sign in; None if they cannot, or if the platform's word on
    them is not to be believed, because its authentication is off. `needs_sign_in`: whether the
    settings say that they sign in."""

    def __init__(
        self,
        table: KeyTable,
        clock: Clock,
        *,
        lots: Lots,
        refusals: Refusals,
        people: SignIn | None,
        needs_sign_in: bool,
    ) -> None:
        self._table = table
        self._clock = clock
        self._lots = lots
        self.refusals = refusals
        self._people = people
        self._needs_sign_in = needs_sign_in
        self._lock = threading.Lock()
        self._keys: OrderedDict[str, tuple[Key, datetime]] = OrderedDict()
        self._made = False
        self._looked: datetime | None = None

    def enter(self, knock: Knock) -> Entered:
        """Let a request in, and say who asks.

        Raises `Unauthenticated`, `TooMany`, `Forbidden` for a person without a role, and
        `Unavailable` or `Refused` if storage fails.
        """
        caller = self._caller(knock)
        headers = {} if caller is LOCAL else self._lots.spend(caller.key_id or caller.name)
        named = replace(caller, address=knock.address, request_id=knock.request_id)
        return Entered(named, headers)

    @property
    def is_open(self) -> bool:
        """Whether whoever comes is an admin: no key was ever made, and nobody can sign in."""
        if self._needs_sign_in:
            return False
        now = self._clock.now()
        if not self._made and not (self._looked is not None and _is_fresh(self._looked, now)):
            self._made = self._table.made() is not None
            self._looked = now
        return not self._made

    def forget(self, key_id: str) -> None:
        """A key was changed here: read it anew."""
        with self._lock:
            self._keys.pop(key_id, None)
        self._looked = None

    def _caller(self, knock: Knock) -> Caller:
        text = _key_in(knock.authorization)
        if text is not None:
            return self._by_key(text, knock.address)
        if knock.principal and self._people is not None:
            if len(knock.principal) > 1:
                raise Unauthenticated("the sign-in does not count: it came twice", given=True)
            if knock.from_elsewhere:
                raise Forbidden("a page of another site sent this; only Belfry's own may")
            return sign_in.caller(knock.principal[0], self._people)
        if self.is_open:
            return LOCAL
        raise Unauthenticated(self._what_to_do(knock), given=bool(knock.authorization))

    def _what_to_do(self, knock: Knock) -> str:
        if self._needs_sign_in and self._people is None:
            return (
                "ENTRA_SIGN_IN is true, but App Service authentication is off, so nobody can sign "
                f"in; {_HOW}"
            )
        if knock.authorization:
            return f"the header Authorization has no key of Belfry; {_HOW}"
        return f"no key was sent; {_HOW}" + (", or sign in" if self._people else "")

    def _by_key(self, text: str, address: str | None) -> Caller:
        key_id = pure.id_in(text)
        self.refusals.hold(address, key_id)
        if key_id is None:
            form = "bfy_, its id, _ and its secret"
            raise self.refusals.wrong(address, f"it does not look like one, which is {form}")
        key = self._key(key_id)
        now = self._clock.now()
        # the hash is compared even if there is no such key, so that the answer takes as long
        fits = (key or _NOBODY).fits(text)
        if key is None or not fits:
            raise self.refusals.wrong(address, "there is no such key")
        if (wrong := key.wrong(now)) is not None:
            raise self.refusals.wrong(address, wrong)
        self.refusals.right(address, key_id)
        self._note_use(key, now)
        return key.caller()

    def _key(self, key_id: str) -> Key | None:
        """The key; None if there is none, or if its row cannot be read."""
        now = self._clock.now()
        with self._lock:
            known = self._keys.get(key_id)
        if known is not None and _is_fresh(known[1], now):
            return known[0]
        try:
            found = self._table.get(key_id)
        except Damaged as error:
            event(_logger, Event.KEY_UNREADABLE, level=logging.ERROR, error=str(error))
            found = None
        with self._lock:
            self._keys.pop(key_id, None)
            if found is not None:
                self._keys[key_id] = found, now
                if len(self._keys) > _KNOWN:
                    self._keys.popitem(last=False)
        return found

    def _note_use(self, key: Key, now: datetime) -> None:
        """Note the use, if the last one that was noted is a while ago. What a note fails of does
        not concern the request, and the next one notes it."""
        last = key.last_used_at
        if last is not None and abs(now - last) < USED:
            return
        with self._lock:  # of several at once, one writes
            known = self._keys.get(key.id)
            if known is None or known[0].last_used_at != last:
                return
            self._keys[key.id] = replace(known[0], last_used_at=now), known[1]
        try:
            self._table.used(key, now)
        except BelfryError as error:
            event(
                _logger,
                Event.KEY_USE_UNNOTED,
                level=logging.WARNING,
                key_id=key.id,
                error=str(error),
            )


def _is_fresh(at: datetime, now: datetime) -> bool:
    return timedelta() <= now - at < FRESH


def _key_in(authorization: tuple[str, ...]) -> str | None:
    """What stands where a key would; None if nothing does that looks like one of Belfry.

    A token of somebody else, such as one of Microsoft Entra's that the platform has looked at, is
    left to them. Two headers are refused: which one counts would depend on who reads them.
    """
    for value in authorization:
        scheme, rest = value[: len(_BEARER)], value[len(_BEARER) :].strip()
        if scheme.lower() == _BEARER and rest[: len(pure.PREFIX)].lower() == pure.PREFIX:
            if len(authorization) > 1:
                raise Unauthenticated("the header Authorization came twice", given=True)
            return rest
    return None


_NOBODY = Key(
    id="",
    hash=pure.hashed(""),
    name="",
    role=LOCAL.role,
    projects=frozenset(),
    created_at=datetime(1970, 1, 1, tzinfo=UTC),
    created_by="",
)
