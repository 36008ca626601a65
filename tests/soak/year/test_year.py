"""A simulated year: each message and each fee that must be there is there, once, and none other.

The plan is made from a seed, and says what people do, when vendors fail, and when tasks run: late,
doubled, on hosts that were just started, or not at all. Then an oracle works out from the plan what
must have come of it, instant by instant.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from local.azurite import Azurite
from shared.clock import ManualClock
from shared.data.migrations.run import upgrade
from tests.company import at
from tests.soak.year import breaks, verdict
from tests.soak.year.conftest import Options
from tests.soak.year.hosts import Hosts
from tests.soak.year.life import Life
from tests.soak.year.oracle import replay
from tests.soak.year.plan import plan
from tests.vendors import stripe
from tests.vendors.twilio import twilio

_SHOWN = 40


@pytest.mark.soak
def test_a_year_of_messages_fees_and_scores_is_as_it_must_be(
    azurite: Azurite, tmp_path: Path, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    if options.broken:
        breaks.apply(options.broken, monkeypatch)
    began = time.monotonic()
    what = plan(options.seed, options.days)
    file = tmp_path / "company.db"
    upgrade(at(file))
    clock = ManualClock(what.begin)
    with twilio(clock.now) as messages, stripe.running() as bills:
        hosts = Hosts(azurite.connection_string, file, clock, messages, bills)
        life = Life(what, at(file), clock, hosts, messages, bills)
        life.live()
        expected = replay(what, messages.log)
        found = list(verdict.problems(life, expected))
    print(
        f"\nyear: seed {options.seed}, {options.days} days in {time.monotonic() - began:.0f} s: "
        f"{verdict.summary(life, expected)}"
    )
    (tmp_path / "found").write_text("\n".join(found))
    assert not found, f"{len(found)} problems:\n" + "\n".join(found[:_SHOWN])
    poor = verdict.too_little(life, expected)
    assert options.days < 300 or not poor, f"too little happened to prove anything: {poor}"
