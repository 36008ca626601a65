"""The hooks of a real app: its outbox on Azurite, its owners in SQLite, and a Twilio that calls."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from local.azurite import Azurite
from shared.access import LOCAL
from shared.api.hooks.app import hooks
from shared.api.site import site
from shared.app import App, build
from shared.audit import entry as record
from shared.audit.listing import Wanted
from shared.clock import ManualClock
from shared.data.database import reading, writing
from shared.data.migrations.run import upgrade
from shared.data.models import Owner, Tenant
from shared.errors import BelfryError
from shared.notifications import channels
from shared.notifications.content import Content
from shared.notifications.kinds import SMS
from shared.notifications.model import Draft, Entry
from shared.notifications.outbox import Outbox
from shared.settings import from_env
from shared.storage.names import Names
from shared.tasks import Registry
from tests.company import at
from tests.vendors.twilio import Callback, Message, Twilio, twilio

START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
ANA, EUN = "+4915112345678", "+4915112345679"
BASE = "https://belfry.example.com"
_prefixes = itertools.count()
_keys = itertools.count()


@dataclass
class World:
    """What one test needs."""

    app: App
    made: FastAPI
    twilio: Twilio
    clock: ManualClock

    def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        method: str = "POST",
    ) -> httpx.Response:
        """A request as it arrives behind a front end, which has another name for us."""
        inside = url.replace(BASE, "http://10.0.0.7:8080")

        async def answered() -> httpx.Response:
            transport = httpx.ASGITransport(self.made)
            async with httpx.AsyncClient(transport=transport) as client:
                return await client.request(method, inside, content=body, headers=headers)

        return asyncio.run(answered())

    def called(self, callback: Callback, **headers: str) -> httpx.Response:
        """Twilio calls."""
        return self.post(callback.url, callback.body, callback.headers | headers)

    @property
    def outbox(self) -> Outbox:
        return Outbox(self.app.connection, Names(self.app.settings.prefix).notifications)

    def text(self, number: str = ANA) -> tuple[Entry, Message | None]:
        """A text message is taken and sent; (its row as it was then, what Twilio made of it)."""
        wanted = Draft(
            key=f"k{next(_keys)}",
            channel=SMS,
            recipient="owner:1",
            subject="",
            text="Luna's appointment is tomorrow",
            tenant_id=1,
            owner_id=1,
            useful_until=START + timedelta(hours=5),
        )
        entry, _ = self.outbox.put(wanted, self.clock.now())
        taken = self.outbox.claim(replace(entry, address=number), self.clock.now())
        assert taken is not None
        before = len(self.twilio.sent)
        sender: Any = self.app.notifications()._channels[SMS]
        with contextlib.suppress(BelfryError):
            sender.send(taken, Content(text=taken.text))
        made = self.twilio.sent[before:]
        return taken, made[0] if made else None

    def entry(self, entry: Entry) -> Entry:
        return self.outbox.get(entry.id)

    def agreeing(self) -> list[str | None]:
        """The phone numbers of the owners who agree."""
        query = select(Owner.phone).where(Owner.sms_opted_in.is_(True)).order_by(Owner.id)
        with reading(self.app.settings.database_url) as session:
            return [phone for (phone,) in session.execute(query)]

    def told(self) -> list[record.Entry]:
        """What the audit was told, oldest first."""
        found = self.app.audit.page(Wanted(), LOCAL, 1, 100)
        return [one.entry() for one in reversed(found.records)]

    def refused(self) -> dict[str, int]:
        """How many requests each provider had not signed, as `/status` shows it."""

        async def answered() -> httpx.Response:
            transport = httpx.ASGITransport(site(lambda: self.app))
            async with httpx.AsyncClient(transport=transport, base_url="http://belfry") as client:
                return await client.get("/status")

        found: dict[str, int] = asyncio.run(answered()).json()["refused_hooks"]
        return found


def world_of(azurite: Azurite, vendor: Twilio, file: Path, **changes: str) -> World:
    """A world with these settings."""
    clock = ManualClock(START)
    environ = {
        "AzureWebJobsStorage": azurite.connection_string,
        "BELFRY_PREFIX": f"hook{next(_prefixes)}",
        "DATABASE_URL": at(file).reveal(),
        "SMS_DEFAULT_REGION": "DE",
        **vendor.settings(),
    }
    settings = from_env(environ | changes, channels=channels.declared())
    app = build(settings, clock, tasks=Registry([]))
    app.create()
    return World(app, hooks(lambda: app), vendor, clock)


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with three owners; two of them have one number, at two tenants."""
    path = tmp_path_factory.mktemp("hooks") / "company.db"
    upgrade(at(path))
    with writing(at(path)) as session:
        for name in ("one", "other"):
            session.add(
                Tenant(
                    name=name,
                    timezone="Europe/Berlin",
                    language="de",
                    currency="EUR",
                    sms_currency="USD",
                )
            )
        session.flush()
        for number, (tenant, phone) in enumerate(((1, ANA), (2, "0151 12345678"), (1, EUN))):
            owner = Owner(tenant_id=tenant, name=f"o{number}", phone=phone, sms_opted_in=True)
            session.add(owner)
    return path


@pytest.fixture
def file(company: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    copy = tmp_path / "company.db"
    copy.write_bytes(company.read_bytes())
    return copy


@pytest.fixture(autouse=True)
def logged(caplog: pytest.LogCaptureFixture) -> None:
    """What Belfry logs is in `caplog`, as it is in production."""
    caplog.set_level(logging.INFO, "belfry")


@pytest.fixture
def vendor() -> Iterator[Twilio]:
    with twilio(lambda: START) as running:
        yield running


@pytest.fixture
def world(azurite: Azurite, vendor: Twilio, file: Path) -> World:
    return world_of(azurite, vendor, file)
