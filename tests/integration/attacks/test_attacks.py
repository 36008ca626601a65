"""The table of attacks: each is refused, discloses nothing of others, changes nothing, and costs
no more than a moment."""

from __future__ import annotations

import pytest

from tests.integration.attacks.attack import Attack
from tests.integration.attacks.bombs import BOMBS
from tests.integration.attacks.bounded import cheap
from tests.integration.attacks.cursors import CURSORS
from tests.integration.attacks.customers import CUSTOMERS
from tests.integration.attacks.doors import DOORS
from tests.integration.attacks.others import OTHERS
from tests.integration.attacks.replays import REPLAYS
from tests.integration.attacks.world import World

TABLE: list[Attack] = [*OTHERS, *DOORS, *CURSORS, *REPLAYS, *BOMBS, *CUSTOMERS]
"""All attacks, by group."""


@pytest.mark.parametrize("attack", TABLE, ids=lambda attack: attack.name[:80])
def test_an_attack_comes_to_nothing(attacked: World, attack: Attack) -> None:
    with cheap():
        answer = attacked.ask(attack)
    assert answer.status_code == attack.status, answer.text[:2000]
    assert attack.what(attacked.named) in answer.text, answer.text[:2000]
    assert attacked.disclosed(attack, answer) == [], answer.text[:2000]
    if not answer.is_success:
        assert answer.headers["content-type"] == "application/problem+json"
        assert len(answer.content) < 60_000
    assert attacked.changed() == {}


def test_no_two_attacks_have_one_name() -> None:
    names = [one.name for one in TABLE]
    assert len(set(names)) == len(names)
