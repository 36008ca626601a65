"""From a request through the queue and a task to the vendors it calls, one trace; and no secret in
it, by Azure's own exporter and over real sockets."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from local.azurite import Azurite
from local.ports import HOST
from shared.backups.drive.folder import Drive
from shared.billing.vendor.account import StripeAccount
from shared.errors import BelfryError
from shared.notifications import channels
from shared.notifications.content import Content
from shared.notifications.double import Reply
from shared.notifications.model import Entry, NotificationStatus
from shared.settings import Secret, TracingSettings, from_env
from shared.tasks import JobContext, Params, Result, task
from shared.tracing.azure import AppInsights
from tests.clocks import HastyClock
from tests.integration.backups.drive.server import running as running_drive
from tests.integration.backups.drive.service import PRIVATE_KEY, DriveServer
from tests.integration.engine.conftest import START, Engine, make, tap
from tests.integration.heartbeats.conftest import Checks, checks
from tests.integration.notifications.vendors import DOUBLES, Vendors, vendors
from tests.integration.schedules.conftest import Counter
from tests.spans import CALLER, TRACE, exported
from tests.vendors import stripe
from tests.vendors.insights import Insights, insights

__all__ = ["checks"]

_CHECK = "ch3ck-hush-0123456789"


@pytest.fixture
def endpoint() -> Iterator[Insights]:
    with insights() as found:
        yield found


@pytest.fixture
def office() -> Iterator[Vendors]:
    with vendors() as found:
        yield found


@pytest.fixture
def drive() -> Iterator[DriveServer]:
    with running_drive() as found:
        yield found


def entry(channel: str) -> Entry:
    """A notification on its way."""
    return Entry(
        id="1",
        key="k",
        channel=channel,
        recipient="ana@example.com" if channel == "mail" else "",
        address="+12025550123",
        subject="s",
        text="t",
        status=NotificationStatus.SENDING,
        created_at=START,
        claimed_at=START,
        next_at=None,
    )


def calls_all(engine: Engine, account: StripeAccount, folder: Drive) -> None:
    """Call each vendor once; what they answer does not matter."""
    for name, sender in channels.senders(engine.app.settings.channels).items():
        with contextlib.suppress(BelfryError):
            sender.send(entry(name), Content(subject="s", text="t", html="", images={}))
    assert account.invoice("in_none") is None
    folder.files(lambda: None)


@pytest.mark.parametrize("answers", ["well", "with an error"])
def test_one_trace_from_the_request_to_every_vendor_without_a_secret(
    azurite: Azurite,
    office: Vendors,
    drive: DriveServer,
    checks: Checks,
    endpoint: Insights,
    answers: str,
) -> None:
    if answers != "well":
        checks.status = 404
        for name, double in DOUBLES.items():
            office.say(name, Reply(401, f"{double.secret} is wrong"))
        drive.fail("GET", "/files", status=403)

    @task("calls", timeout_seconds=60)
    def calls(job: JobContext, params: Params) -> Result:
        """Calls every vendor."""
        try:
            calls_all(engine, account, folder)
        except BelfryError as error:
            job.log(str(error))
        return {}

    environ = {"HEARTBEAT_HOSTS": HOST, **office.settings()}
    with stripe.running() as fake, exported(AppInsights(sent_to(endpoint))):
        engine = make(azurite, environ=environ, tasks=[calls])
        tap(engine)
        account, folder = StripeAccount(fake.settings()), Drive(drive.settings(), HastyClock())
        url = Secret(f"{checks.url}/{_CHECK}")
        schedule = engine.add("calls", enabled=False, heartbeat_url=url)
        path = f"/schedules/{schedule.id}/execute"
        Counter(engine).ask("POST", path, {"force": True}, traceparent=CALLER)
        engine.work()
    assert endpoint.operations() == {TRACE}
    attempt = next(one for one in endpoint.items("Request") if one["name"] == "calls")
    under = [
        one
        for one in endpoint.got
        if one["tags"].get("ai.operation.parentId") == attempt["id"]
        and one["data"]["baseType"] == "RemoteDependencyData"
    ]
    codes = {one["data"]["baseData"]["resultCode"] for one in under}
    assert codes >= ({"200", "202"} if answers == "well" else {"401", "403"})
    hosts = [one["data"]["baseData"]["target"] for one in under]
    for where in (office.url, fake.url, drive.url):
        assert where.removeprefix("http://") in hosts
    assert hosts.count(office.url.removeprefix("http://")) == len(DOUBLES)
    told = [one["target"] for one in endpoint.items("RemoteDependency")]
    beats = 2 if answers == "well" else 1  # one that fails is left alone for a minute
    assert told.count(checks.url.removeprefix("http://")) == beats
    everything = "\n".join(endpoint.raw)
    secrets = [double.secret for double in DOUBLES.values()]
    key = engine.app.settings.storage.connection_string.reveal()
    for secret in [*secrets, _CHECK, stripe.API_KEY, *drive.tokens, PRIVATE_KEY[40:80], key]:
        assert secret not in everything
    assert "hush" not in everything
    for got in office.got:
        assert not {name.lower() for name in got.headers} & {"traceparent", "tracestate", "baggage"}


def sent_to(endpoint: Insights) -> TracingSettings:
    """The settings of what sends there."""
    storage = {"AzureWebJobsStorage": "AccountName=x;AccountKey=YQ=="}
    return from_env({**storage, **endpoint.environ}).tracing
