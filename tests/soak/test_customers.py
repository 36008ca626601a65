"""What customers schedule, in a storm: deliveries to webhooks, health checks, batches, budgets, and
mails of runs that ended. Hosts are killed, storage fails, and so does the customers' own place."""

from __future__ import annotations

import json
import random
import time
from dataclasses import replace
from pathlib import Path

import pytest

from local.azurite import Azurite
from shared.engine.dispatch import sweep as swept
from shared.schedules.lost import OVERDUE
from tests.soak import upkeep
from tests.soak.conftest import Options
from tests.soak.customers.customers import customers
from tests.soak.hosts import Hosts, Proxy
from tests.soak.noted import Noted
from tests.soak.settling import freeze, lost, settles
from tests.soak.storm import Storm
from tests.soak.verdict import Rows
from tests.soak.world import Setup, app

_HOSTS = 3
_STORM = 32.0
"""Seconds: too few for an outage of all hosts, of which the great storm has some."""


@pytest.mark.soak
def test_what_customers_scheduled_is_done_and_counted(
    azurite: Azurite, tmp_path: Path, options: Options
) -> None:
    proxy = Proxy(azurite.connection_string, options.seed)
    setup = Setup(
        connection_string=proxy.connection_string,
        prefix="customers",
        began=time.monotonic(),
        folder=tmp_path,
    )
    well = replace(setup, connection_string=azurite.connection_string)
    calm = app(well)
    calm.prepare()
    upkeep.begin(calm)
    hosts = Hosts(replace(setup, break_engine=options.break_engine), _HOSTS)
    storm = Storm(hosts, proxy, calm, setup.pace, random.Random(options.seed + 1))
    try:
        with customers(calm, setup) as them:
            hosts.start()
            storm.blow(_STORM)
            proxy.say("clear")
            hosts.start()
            frozen = freeze(calm)
            settled = settles(lambda: upkeep.is_all_that_is_left(Rows.read(calm)))
            since = calm.clock.now() + OVERDUE
            # what ended is in the feed, of which mails are made, when a sweep has seen it
            settles(lambda: swept._read(calm.meta.fact(swept.ROW), since).at > since)
            upkeep.end(calm)
            ended = settles(lambda: not Rows.read(calm).live())
            hosts.kill_all()
            them.rest(well)
    finally:
        hosts.kill_all()
        proxy.close()
    rows, noted = Rows.read(calm), Noted.read(tmp_path / "traces")
    crashes = tmp_path / "crashes"
    found: dict[str, object] = {
        "not of the engine's errors": crashes.read_text() if crashes.exists() else "",
        "did not end": [] if settled and ended else rows.live(),
        "lost": lost(rows, frozen, them.scheduled.all),
        "started twice": noted.twice,
        "told differently": list(rows.problems(noted)),
        **them.found(rows, tmp_path / "traces"),
    }
    (tmp_path / "found").write_text(json.dumps(found, indent=1))
    wrong = [f"{name}: {str(what)[:2000]}" for name, what in found.items() if what]
    assert not wrong, "\n".join(wrong)
    assert [*them.too_little()] == [], "too little happened to prove anything"
