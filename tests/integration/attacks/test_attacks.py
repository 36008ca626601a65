"""The table of attacks: each is refused, discloses nothing of others, changes nothing, and costs
no more than a moment."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.integration.attacks.attack import Attack
from tests.integration.attacks.cursors import CURSORS
from tests.integration.attacks.doors import DOORS
from tests.integration.attacks.others import OTHERS
from tests.integration.attacks.replays import REPLAYS
from tests.integration.attacks.world import World

TABLE: list[Attack] = [*OTHERS, *DOORS, *CURSORS, *REPLAYS]
"""All attacks, by group."""
MOST = 2.0
"""Seconds of the processor that an attack may cost."""


@contextmanager
def cheap(most: float = MOST) -> Iterator[None]:
    """Fails if what is done inside takes more of the processor, however busy the machine is."""
    began = time.process_time()
    yield
    assert time.process_time() - began < most


@pytest.mark.parametrize("attack", TABLE, ids=lambda attack: attack.name[:80])
def test_an_attack_comes_to_nothing(attacked: World, attack: Attack) -> None:
    with cheap():
        answer = attacked.ask(attack)
    assert answer.status_code == attack.status, answer.text[:2000]
    assert attack.what(attacked.named) in answer.text, answer.text[:2000]
    assert attacked.disclosed(attack, answer) == [], answer.text[:2000]
    if not answer.is_success:
        assert answer.headers["content-type"] == "application/problem+json"
        assert len(answer.content) < 8000
    assert attacked.changed() == {}


def test_no_two_attacks_have_one_name() -> None:
    names = [one.name for one in TABLE]
    assert len(set(names)) == len(names)
