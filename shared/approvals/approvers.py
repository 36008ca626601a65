"""Who is told that a critical job waits: APPROVERS, read and checked. Pure.

    1: mail:ann@example.com; 2, 3: mail:bob@example.com; *: mail:boss@example.com, slack

Rules stand between semicolons. A rule has projects before its first colon (`*` is any, `none` what
belongs to no project), and places after it: `mail:ADDRESS` or a chat. All rules that fit count.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from shared.approvals.model import Approval, same
from shared.notifications import channels
from shared.projects import name_of
from shared.settings import Settings

NAME = "APPROVERS"
MAIL = "mail"
ANY = "*"
_ADDRESS = re.compile(r"[^@\s,;:]+@[^@\s,;:]+\.[^@\s,;:]+")
_PROJECT = re.compile(r"\*|none|[0-9]{1,19}")
_NO_CHATS = frozenset({MAIL, "sms"})

Place = tuple[str, str]
"""(channel, address); a chat has no address."""


def places(text: str, project_id: int | None) -> list[Place]:
    """Where approvals of that project are told, each place once."""
    found: dict[Place, None] = {}
    for projects, words in _rules(text):
        if ANY in projects or name_of(project_id) in projects:
            found.update({_place(word): None for word in words})
    return [*found]


def told(text: str, approval: Approval) -> list[Place]:
    """Where that approval is told: not to those who may not decide on it."""
    return [
        (channel, address)
        for channel, address in places(text, approval.project_id)
        if not address or not approval.is_excluded(address)
    ]


def is_approver(text: str, project_id: int | None, address: str) -> bool:
    """Whether that address is told of the project's approvals."""
    return any(channel == MAIL and same(one, address) for channel, one in places(text, project_id))


def wrong_in(settings: Settings) -> Iterator[str]:
    """What is wrong with the setting; each text says what would be right."""
    return problems(settings.approvals.approvers, settings.channels, channels.names())


def problems(text: str, set_up: Collection[str], known: Collection[str]) -> Iterator[str]:
    """The same of a text. `set_up`: the channels that are set up; `known`: all that exist."""
    for projects, words in _rules(text):
        if not projects or not words:
            yield (
                f"{NAME} has a rule without projects or places; write them with a colon between, "
                "such as `1: mail:ann@example.com; *: slack`"
            )
        for one in projects:
            if not _PROJECT.fullmatch(one):
                yield f"{NAME} has the project {one!r}; use a number, none, or * for all"
        for word in words:
            channel, address = _place(word)
            if channel == MAIL and not _ADDRESS.fullmatch(address):
                yield f"{NAME} has {word!r}; write an address, such as mail:ann@example.com"
            elif channel not in known or (channel in _NO_CHATS and channel != MAIL):
                yield f"{NAME} has the place {word!r}; use mail:ADDRESS or a chat"
            elif channel != MAIL and channel not in set_up:
                yield f"{NAME} sends to {channel}, which is not set up; see docs/settings.md"


def _rules(text: str) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
    for one in filter(str.strip, text.split(";")):
        before, _, after = one.partition(":")
        yield _words(before), _words(after)


def _words(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


def _place(word: str) -> Place:
    channel, _, address = word.partition(":")
    return channel, address.strip()
