"""ALERT_ROUTES: who is told of which alert, and what is wrong with it in plain words."""

from __future__ import annotations

import pytest

from shared.alerts.port import AlertKind
from shared.alerts.routes import Routes, parse
from shared.errors import Misconfigured

KNOWN = ("mail", "slack", "sms", "teams", "telegram")


def routes(text: str, *chats: str) -> Routes:
    return parse(text, chats, KNOWN)


def to(found: Routes, kind: AlertKind) -> list[str]:
    return [str(one) for one in found.of(kind)]


def test_by_default_every_chat_and_every_administrator_is_told_of_everything() -> None:
    for text in ("*: all", ""):
        found = routes(text, "slack", "telegram", "mail", "sms")
        assert all(to(found, kind) == ["mail", "slack", "telegram"] for kind in AlertKind)


def test_the_first_rule_that_fits_decides() -> None:
    found = routes(
        "spend_exceeded, billing_*: slack, mail:cfo@example.com; critical: mail; warning: none",
        "slack",
    )
    assert to(found, AlertKind.BILLING_PAUSED) == ["mail:cfo@example.com", "slack"]
    assert to(found, AlertKind.SPEND_EXCEEDED) == ["mail:cfo@example.com", "slack"]
    assert to(found, AlertKind.CLOCK_SILENT) == ["mail"]
    assert to(found, AlertKind.JOB_DEAD) == []
    assert to(routes("critical: mail", "slack"), AlertKind.JOB_DEAD) == ["mail", "slack"]


def test_none_keeps_silent_and_nobody_is_told_twice() -> None:
    found = routes("run_missed: none; *: mail, all, slack, mail", "slack")
    assert to(found, AlertKind.RUN_MISSED) == []
    assert to(found, AlertKind.JOB_DEAD) == ["mail", "slack"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("job_daed: all", "the kind 'job_daed'; did you mean job_dead?"),
        ("pager: all", "the kind 'pager'; use one of job_dead, run_missed"),
        ("nothing_*: all", "the kind 'nothing_*'"),
        ("job_dead slack", "the rule 'job_dead slack'; write kinds, a colon and destinations"),
        ("job_dead:", "the rule 'job_dead:'; write kinds"),
        (": slack", "write kinds"),
        ("*: teams", "sends to teams, which is not set up"),
        ("*: pager", "the destination 'pager'; use one of all, none, mail, mail:ADDRESS, slack"),
        ("*: mail:cfo", "'mail:cfo'; write an address"),
        ("*: slack:#ops", "'slack:#ops'; slack writes to one place, so write slack alone"),
        ("*: none, slack", "none beside other destinations; use it alone"),
        ("*: all; job_dead: slack", "the rule 'job_dead: slack' is never used"),
    ],
)
def test_what_is_wrong_is_named_with_what_would_be_right(text: str, said: str) -> None:
    with pytest.raises(Misconfigured) as error:
        routes(text, "slack")
    assert "ALERT_ROUTES" in str(error.value) and said in str(error.value)


def test_everything_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(Misconfigured) as error:
        routes("x: slack, y; job_dead: z", "slack")
    assert all(f"'{one}'" in str(error.value) for one in "xyz")
