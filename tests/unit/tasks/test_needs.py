"""A task says what it needs by the types of its function's parameters, and is given that."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from shared import settings
from shared.app import build
from shared.clock import SystemClock
from shared.errors import Invalid, Misconfigured
from shared.notifications.port import NotificationService
from shared.tasks import JobContext, Params, Proposed, Registry, Result, Services, task
from tests.context import RecordedNotifications, Told, job_of, result_of

if TYPE_CHECKING:
    from decimal import Decimal


class Post(Protocol):
    """A service."""

    def send(self, text: str) -> None:
        """Send it."""


class Letter(Params):
    """What a task is given."""

    text: str = "hello"


class Other(Params):
    """Another model."""


class Box:
    """What sends into a list."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def send(self, text: str) -> None:
        self.sent.append(text)


def is_short(letter: Letter, proposed: Proposed, post: Post) -> None:
    """Refuses long letters, by post."""
    assert proposed.new == {"text"}
    post.send("checked")
    if len(letter.text) > 9:
        raise Invalid("text", "too long")


@task("writes", check=is_short)
def writes(job: JobContext, post: Post, letter: Letter) -> Result:
    """Sends its letter."""
    post.send(f"{letter.text} of {job.job_id}")
    return {}


@task("rests")
def rests(job: JobContext) -> Result:
    """Takes nothing."""
    return {"id": job.job_id}


def test_what_it_takes_is_read_from_its_function_in_any_order() -> None:
    assert (writes.params, rests.params) == (Letter, Params)
    assert writes.needs == {Post} and not rests.needs
    box = Box()
    result_of(writes, job_of(), Letter(text="dear"), post=box)
    assert box.sent == ["dear of nightly:2026"]
    assert result_of(rests, job_of()) == {"id": "nightly:2026"}


@task("tells")
def tells(job: JobContext, notifications: NotificationService) -> Result:
    """Mails people, and alerts them."""
    sent = notifications.mail_administrators(key=job.job_id, subject="Hello", text="all is well")
    notifications.alert(key=f"{job.job_id}:bad", subject="Oh", text="all is lost")
    return {"sent": len(sent)}


def test_what_a_task_tells_people_can_be_recorded() -> None:
    told = RecordedNotifications()
    assert result_of(tells, job_of(), notifications=told) == {"sent": 0}
    assert told.mails == [Told("nightly:2026", "Hello", "all is well")]
    assert told.alerts == [Told("nightly:2026:bad", "Oh", "all is lost")]
    service: NotificationService = told
    assert service.alert(key="", subject="", text="") == ()


def test_a_service_is_made_when_it_is_first_used_and_once() -> None:
    made: list[Box] = []

    def make() -> Box:
        made.append(Box())
        return made[0]

    services = Services({Post: make})
    rests.call(job_of(), Params(), services)
    assert made == []
    for _ in range(2):
        writes.call(job_of(), Letter(), services)
    writes.fits(services, {"text": "short"}, Proposed(new={"text"}))
    with pytest.raises(Invalid, match=r"task_parameters.text: too long"):
        writes.fits(services, {"text": "far too long"}, Proposed(new={"text"}))
    assert [box.sent for box in made] == [["hello of nightly:2026"] * 2 + ["checked"] * 2]


def unnamed(job: JobContext, letter) -> Result:  # type: ignore[no-untyped-def]
    """One of its parameters has no type."""
    raise NotImplementedError


def either(job: JobContext, post: Post | Box) -> Result:
    """One of its parameters has two."""
    raise NotImplementedError


def unseen(job: JobContext, price: Decimal) -> Result:
    """One of its types is not there when it runs."""
    raise NotImplementedError


def twice(job: JobContext, letter: Letter, other: Other) -> Result:
    """It has two models."""
    raise NotImplementedError


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (unnamed, "task bad: give letter a class as its type"),
        (either, "task bad: give post a class as its type"),
        (unseen, "task bad: name 'Decimal' is not defined; import it"),
        (twice, "task bad: one model of parameters, not 2"),
    ],
)
def test_what_cannot_be_given_is_refused_at_import(function: Callable[..., Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        task("bad")(function)


def test_an_app_that_lacks_what_a_task_needs_does_not_start() -> None:
    values = {"AzureWebJobsStorage": "UseDevelopmentStorage=true"}
    with pytest.raises(Misconfigured, match="task writes needs Post, which nothing makes"):
        build(settings.from_env(values), SystemClock(), tasks=Registry([writes]))
