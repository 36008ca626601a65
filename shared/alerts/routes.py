"""Who is told of which alert: ALERT_ROUTES, read and checked.

    spend_exceeded, billing_*: slack, mail:cfo@example.com; run_missed: none; *: all

Rules stand between semicolons. A rule has kinds before its first colon (a name, a pattern with `*`,
or a severity: `critical`, `warning`, `info`), and destinations after it: `all` (every chat that is
set up, and every system administrator by mail), a chat (`slack`), `mail` (every system
administrator), `mail:ADDRESS`, or `none`. The first rule that fits a kind decides alone. A kind
that none fits goes to `all`, so that no alert is lost by a gap in the rules.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase

from shared.alerts.kinds import KINDS, Severity
from shared.alerts.port import AlertKind
from shared.errors import Misconfigured
from shared.notifications import channels
from shared.settings import Settings

NAME = "ALERT_ROUTES"
MAIL = "mail"
ALL, NONE = "all", "none"
NO_CHATS = frozenset({MAIL, "sms"})
"""Channels that write to a person's own address or number. Any other writes to one place."""
_ADDRESS = re.compile(r"[^@\s,;:]+@[^@\s,;:]+\.[^@\s,;:]+")


@dataclass(frozen=True, order=True, slots=True)
class Destination:
    """One place or person."""

    channel: str
    recipient: str = ""
    """An address; empty for a chat, and for the mail to every system administrator."""

    def __str__(self) -> str:
        return f"{self.channel}:{self.recipient}" if self.recipient else self.channel


@dataclass(frozen=True, slots=True)
class _Rule:
    text: str
    kinds: frozenset[AlertKind]
    to: tuple[str, ...]


class Routes:
    """The rules. `chats`: the chats that are set up."""

    def __init__(self, rules: Sequence[_Rule], chats: Collection[str]) -> None:
        self._rules = rules
        self._chats = sorted(set(chats) - NO_CHATS)

    def of(self, kind: AlertKind) -> list[Destination]:
        """Where alerts of that kind go, each place once."""
        words = next((rule.to for rule in self._rules if kind in rule.kinds), (ALL,))
        return sorted({one for word in words for one in self._places(word)})

    def _places(self, word: str) -> Iterator[Destination]:
        if word == ALL:
            yield from (Destination(chat) for chat in self._chats)
            yield Destination(MAIL)
        elif word != NONE:
            channel, _, recipient = word.partition(":")
            yield Destination(channel, recipient)


def parse(text: str, chats: Collection[str], known: Collection[str]) -> Routes:
    """The routes of ALERT_ROUTES. `chats`: the channels that are set up; `known`: all that exist.
    Raises `Misconfigured`, which names all that is wrong."""
    wrong = list(problems(text, chats, known))
    if wrong:
        raise Misconfigured(*wrong)
    return Routes([_rule(one) for one in _rules(text)], chats)


def problems(text: str, chats: Collection[str], known: Collection[str]) -> Iterator[str]:
    """What is wrong with ALERT_ROUTES; each text says what would be right."""
    left = set(AlertKind)
    for one in _rules(text):
        before, colon, after = one.partition(":")
        if not colon or not _words(before) or not _words(after):
            yield (
                f"{NAME} has the rule {one!r}; write kinds, a colon and destinations, such as "
                "`billing_*: slack, mail:cfo@example.com`, and semicolons between rules"
            )
            continue
        faults = [
            *(_wrong_kind(word) for word in _words(before) if not _kinds(word)),
            *_wrong_places(_words(after), set(chats) - NO_CHATS, set(known) - NO_CHATS),
        ]
        kinds = _rule(one).kinds
        if not faults and not kinds & left:
            faults.append(f"{NAME}: the rule {one!r} is never used, since others come first")
        left -= kinds
        yield from faults


def wrong_in(settings: Settings) -> Iterator[str]:
    """What is wrong with the settings' routes."""
    return problems(settings.alert_routes, settings.channels, channels.names())


def _rules(text: str) -> list[str]:
    return [one.strip() for one in text.split(";") if one.strip()]


def _words(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


def _rule(text: str) -> _Rule:
    before, _, after = text.partition(":")
    kinds = frozenset(kind for word in _words(before) for kind in _kinds(word))
    return _Rule(text, kinds, tuple(_words(after)))


def _kinds(word: str) -> set[AlertKind]:
    if word in tuple(Severity):
        return {kind for kind, about in KINDS.items() if about.severity == word}
    return {kind for kind in AlertKind if fnmatchcase(kind.value, word)}


def _wrong_kind(word: str) -> str:
    names = [*map(str, AlertKind), *map(str, Severity)]
    near = get_close_matches(word, names, 1)
    if near:
        return f"{NAME} has the kind {word!r}; did you mean {near[0]}?"
    said = ", ".join(names)
    return f"{NAME} has the kind {word!r}; use one of {said}, or a pattern such as billing_*"


def _wrong_places(
    words: Sequence[str], chats: Collection[str], known: Collection[str]
) -> Iterator[str]:
    if NONE in words and len(words) > 1:
        yield f"{NAME} has {NONE} beside other destinations; use it alone"
    for word in words:
        if word in (ALL, NONE, MAIL) or word in chats:
            continue
        channel, colon, recipient = word.partition(":")
        if channel == MAIL:
            if not _ADDRESS.fullmatch(recipient):
                yield f"{NAME} has {word!r}; write an address, such as mail:cfo@example.com"
        elif channel in known and colon:
            yield f"{NAME} has {word!r}; {channel} writes to one place, so write {channel} alone"
        elif channel in known:
            yield f"{NAME} sends to {word}, which is not set up; see docs/settings.md"
        else:
            places = ", ".join([ALL, NONE, MAIL, "mail:ADDRESS", *sorted(known)])
            yield f"{NAME} has the destination {word!r}; use one of {places}"
