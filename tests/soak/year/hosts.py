"""Two hosts on the same storage and database: each runs tasks, or both at the same time."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from functions import tasks
from shared.api.hooks.app import hooks
from shared.app import App, build
from shared.clock import ManualClock
from shared.log import JobLog
from shared.notifications import channels
from shared.settings import from_env
from shared.tasks import JobContext, Registry
from tests.company import at
from tests.soak.year.acts import Ran
from tests.soak.year.cast import MAX_AGE_DAYS, RECOVERY_DAYS
from tests.soak.year.engine import Engine
from tests.soak.year.runs import TASK_ZONE, TASKS
from tests.together import together
from tests.vendors.stripe import API_KEY, FakeStripe
from tests.vendors.twilio import Callback, Twilio

BASE = "https://belfry.example.com"
REGISTRY = Registry([one for one in tasks() if one.name in TASKS])


class Hosts:
    """The hosts, and the front end that leads the vendors' calls to one of them."""

    def __init__(
        self,
        storage: str,
        file: Path,
        clock: ManualClock,
        twilio: Twilio,
        stripe: FakeStripe,
    ) -> None:
        self._environ = {
            "AzureWebJobsStorage": storage,
            "BELFRY_PREFIX": "year",
            "DATABASE_URL": at(file).reveal(),
            "TASK_TIMEZONE": TASK_ZONE,
            "REPUTATION_RECOVERY_DAYS": str(RECOVERY_DAYS),
            "NO_SHOW_MAX_AGE_DAYS": str(MAX_AGE_DAYS),
            "SMS_DEFAULT_REGION": "DE",
            "SMS_DAILY_LIMIT": "0",
            "SMS_DAILY_SPEND_MINOR": "0",
            "SMS_PER_SECOND": "0",
            "NOTIFICATION_SENDER_ENABLED": "false",
            "BILLING_UPKEEP_ENABLED": "false",
            "STRIPE_API_KEY": API_KEY,
            "STRIPE_URL": stripe.url,
            **twilio.settings(),
        }
        self._clock = clock
        self.engine = Engine()
        self.apps = [self._app(), self._app()]
        self.apps[0].create()
        self._hooks = hooks(lambda: self.apps[0])

    def start(self, host: int, **changes: str) -> None:
        """Start a host anew, perhaps with other settings."""
        self._environ |= changes
        self.apps[host] = self._app()

    def run(self, ran: Ran) -> list[Mapping[str, Any]]:
        """What the task returned, host by host. Raises what it raised."""
        return together(*(partial(self._run, host, ran) for host in ran.hosts))

    def prepare(self) -> None:
        """Both write their system schedules down."""
        for app in self.apps:
            app.prepare()

    def called(self, callback: Callback) -> None:
        """A vendor calls."""

        async def answered() -> httpx.Response:
            transport = httpx.ASGITransport(self._hooks)
            async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
                return await client.post(
                    callback.url, content=callback.body, headers=callback.headers
                )

        answer = asyncio.run(answered())
        assert answer.status_code < 300, answer.text

    def _run(self, host: int, ran: Ran) -> Mapping[str, Any]:
        app = self.apps[host]
        task = REGISTRY.get(ran.task)
        job = JobContext(
            job_id=f"{ran.task}-{ran.due_at:%Y%m%dT%H%M%SZ}",
            schedule_id=ran.task,
            due_at=ran.due_at,
            attempt=1,
            clock=self._clock,
            log=JobLog(logging.getLogger("belfry"), {}, lambda: "t"),
            stop=threading.Event(),
        )
        return app.executor.rehearse(task, task.params(), job)

    def _app(self) -> App:
        settings = from_env(self._environ, channels=channels.declared())
        made = build(settings, self._clock, REGISTRY)
        self.engine.tap(made)
        return made
