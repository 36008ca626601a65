"""A company with everything that its tasks use: a database, a storage account, and the vendors. It
lives through one run of a task, and what follows, and then tells how it stands."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import functions
from shared.alerts.port import AlertKind
from shared.app import App, build
from shared.data.database import reading
from shared.data.models import Base
from shared.errors import BelfryError
from shared.notifications import channels
from shared.notifications.model import MAIL
from shared.settings import Secret, from_env
from shared.storage.names import Names
from shared.tasks import JobContext, Registry
from tests.clocks import HastyClock
from tests.context import job_of as any_job
from tests.forked import Commands
from tests.integration.notifications.vendors import Vendors, settings_of
from tests.vendors.stripe import API_KEY, FakeStripe
from tests.vendors.twilio import Twilio

AGAIN = timedelta(minutes=2)
"""The pause before a task that was killed, or that failed, is started again. What the dead process
had taken stays taken for longer: a tenant's billing for 3 minutes, a message for 10."""
PASSES = [timedelta(minutes=one) for one in (11, 22, 64)]
"""After which times somebody works off what is open: as often as a provider is asked about a
message in doubt."""
UNCOUNTED = ("no_show_fees", "billing_steps", "reputation_changes", "message_requests")
"""Tables into which tasks insert. A transaction that was rolled back leaves a gap in their ids."""
INSTANT = re.compile(r"20[0-9T:-]{14,17}Z|[0-9]{13}(?=-)")
"""As an alert's key and its words have it: as a time, and in the alert's id."""
LEFT_OUT = ("id", "parameters")
"""Columns of these; the parameters of a call to Stripe have a fee's id in them."""


def app_of(environ: Mapping[str, str], task: str, clock: HastyClock) -> App:
    """The app of a process."""
    (found,) = (one for one in functions.tasks() if one.name == task)
    settings = from_env(environ, channels=channels.declared())
    return build(settings, clock, Registry([found]))


def job_of(app: App, due_at: datetime) -> JobContext:
    """A job that was due then, and runs by the app's clock."""
    return replace(any_job(clock=app.clock), job_id=f"task:{due_at:%Y%m%dT%H%MZ}", due_at=due_at)


@dataclass(kw_only=True)
class State:
    """How a company stands, without instants."""

    rows: dict[str, list[tuple[object, ...]]]
    """By table."""
    messages: dict[str, tuple[object, ...]]
    """The outbox: (status, subject, text, whether it is still due, what Twilio has under its SID)
    by key and recipient."""
    texts: Counter[tuple[str, str]]
    """What Twilio made: (number, text)."""
    mails: Counter[tuple[str, str]]
    """What SendGrid accepted: (address, subject)."""
    invoices: list[tuple[object, ...]]
    """(id, customer, status, amount, key) of each invoice at Stripe, and of each item."""
    asked: Counter[str]
    """How often Stripe was asked to make something, by path. To ask for a pause again makes
    nothing."""
    paused: dict[str, object]
    """The subscriptions at Stripe, and what they say of a pause."""
    alerts: dict[tuple[AlertKind, str], tuple[object, ...]]
    """(state, count, level, tellings, what is still to be told) by kind and subject."""
    reports: dict[str, str]


@dataclass(kw_only=True)
class Company:
    """One company, and the vendors that know it."""

    url: Secret
    prefix: str
    storage: str
    """The connection string."""
    twilio: Twilio
    sendgrid: Vendors
    stripe: FakeStripe
    clock: HastyClock
    """Of the vendors, and of all processes but the one that is killed."""
    folder: Path
    commands: Commands
    task: str
    due_at: datetime
    environ: dict[str, str] = field(init=False)
    app: App = field(init=False)
    """Of a process that lives on."""

    def __post_init__(self) -> None:
        self.environ = {
            "AzureWebJobsStorage": self.storage,
            "BELFRY_PREFIX": self.prefix,
            "DATABASE_URL": self.url.reveal(),
            "STRIPE_API_KEY": API_KEY,
            "STRIPE_URL": self.stripe.url,
            **self.twilio.settings(),
            **settings_of([MAIL], self.sendgrid.url),
        }
        self.app = app_of(self.environ, self.task, self.clock)
        self.app.connection.create_table(Names(self.prefix).table)

    def killed(self, step: int) -> tuple[int, list[str], str]:
        """Run the task in a process that is killed before that step; (its exit code, the steps that
        it reached, what it said)."""
        told = self.folder / "steps.json"
        told.unlink(missing_ok=True)
        words = (self.task, self.due_at.isoformat(), str(step), str(told))
        done = self.commands.run(*words, **self.environ)
        steps = json.loads(told.read_text()) if told.exists() else []
        return done.returncode, [one.replace(self.prefix, "belfry") for one in steps], done.stderr

    def goes_on(self) -> None:
        """The task is started again until it succeeds."""
        task = self.app.registry.get(self.task)
        for times in range(1, 4):
            self._reach(AGAIN * times)
            try:
                self.app.executor.rehearse(task, task.params(), job_of(self.app, self.due_at))
                return
            except BelfryError as error:
                if error.permanent:
                    raise
        raise AssertionError(f"{self.task} did not succeed")

    def settles(self) -> None:
        """What is open is worked off, as `notification_sender`, `billing_upkeep` and
        `alert_monitor` do."""
        for after in PASSES:
            now = self._reach(after)
            self.app.notifications().flush(now, stop=threading.Event())
        job = job_of(self.app, now)
        self.app.billing().settle(job)
        self.app.billing().collect_begun(job)
        self.app.alerts().watch(job)

    def _reach(self, after: timedelta) -> datetime:
        """Let time pass, until so long after the task was due."""
        return self.clock.advance(self.due_at + after - self.clock.now())

    def state(self) -> State:
        """How it stands."""
        reports = self.app.finance().reports
        return State(
            rows=self._rows(),
            messages=self._messages(),
            texts=Counter((one.to, one.body) for one in self.twilio.sent),
            mails=Counter(map(_mail, self.sendgrid.to(MAIL))),
            invoices=[*map(self._invoice, self.stripe.invoices.values()), *self._items()],
            asked=Counter(
                one.path for one in self.stripe.made("") if "subscriptions" not in one.path
            ),
            paused={
                name: one["pause_collection"] for name, one in self.stripe.subscriptions.items()
            },
            alerts={
                (one.kind, one.about): (one.state, one.count, one.level, one.tellings, one.pending)
                for one in self.app.alerts().all(100)
            },
            reports={
                str(day): reports.get(day).model_dump_json() for day in sorted(reports.days())
            },
        )

    def counted(self) -> int:
        """How many messages were counted against the cap for all tenants."""
        table = self.app.connection.table(Names(self.prefix).notifications)
        row = table.get("meta", "sms.day:all")
        days = json.loads(row["value"]) if row else {}
        return sum(used["messages"] for used in days.values())

    def _rows(self) -> dict[str, list[tuple[object, ...]]]:
        with reading(self.url) as connection:
            found = {}
            for table in Base.metadata.sorted_tables:
                left_out = LEFT_OUT if table.name in UNCOUNTED else ()
                columns = [one for one in table.columns if one.name not in left_out]
                rows = connection.execute(table.select().with_only_columns(*columns))
                found[table.name] = sorted((tuple(map(self._plain, row)) for row in rows), key=repr)
            return found

    def _plain(self, value: object) -> object:
        """Without what is another one in each company."""
        if isinstance(value, datetime):
            return "an instant"
        return self._text(value) if isinstance(value, str) else value

    def _text(self, text: str) -> str:
        return INSTANT.sub("an instant", text.replace(self.prefix, "belfry"))

    def _messages(self) -> dict[str, tuple[object, ...]]:
        found, total = self.app.notifications().page(None, None, 1, 100)
        made = {one.sid: (one.to, one.body) for one in self.twilio.sent}
        shown: dict[str, tuple[object, ...]] = {
            f"{self._text(one.key)} to {one.recipient}": (
                *(one.status.value, one.subject, self._text(one.text), one.next_at is not None),
                made.get(one.provider_id or ""),
            )
            for one in found
        }
        assert len(shown) == total, "there are two of which only the instant differs"
        return shown

    def _invoice(self, one: Mapping[str, Any]) -> tuple[object, ...]:
        key = self._plain(one["metadata"]["belfry_key"])
        return one["id"], one["customer"], one["status"], one["total"], one["currency"], key

    def _items(self) -> list[tuple[object, ...]]:
        return [
            (one["id"], one["invoice"], one["amount"], self._plain(one["metadata"]["belfry_key"]))
            for one in self.stripe.items.values()
        ]


def _mail(got: Any) -> tuple[str, str]:
    return got.body["personalizations"][0]["to"][0]["email"], got.body["subject"]
