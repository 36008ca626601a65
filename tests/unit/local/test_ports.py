"""Ports: free ones, taken ones, and what a person is told."""

from __future__ import annotations

import socket

import pytest

from local import ports
from local.ports import PortInUse, Wanted
from shared.errors import Misconfigured


def test_free_ports_are_different_and_free() -> None:
    found = ports.free(5)
    assert len(set(found)) == 5
    assert all(ports.is_free(port) for port in found)


def test_a_port_that_is_taken_is_named_with_what_to_do() -> None:
    with socket.socket() as taken:
        taken.bind((ports.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert ports.answers(port)
        with pytest.raises(PortInUse, match=rf"port {port}: it is in use .* PORT={port + 1} "):
            ports.choose({"PORT": Wanted(port)})
        with pytest.raises(PortInUse, match=f"AZURITE_PORT={port + 9} "):
            ports.choose({"AZURITE_PORT": Wanted(port - 1, 3)})


def test_nobody_answers_on_a_free_port() -> None:
    assert not ports.answers(ports.free(1)[0])


def test_zero_takes_any_free_port() -> None:
    assert len(ports.choose({"PORT": Wanted(0, 3)})["PORT"]) == 3


@pytest.mark.parametrize("first", [11500, 0])
def test_no_two_get_one_port(first: int) -> None:
    wanted = {"PORT": Wanted(0), "AZURITE_PORT": Wanted(first, 3), "POSTGRES_PORT": Wanted(0)}
    chosen = ports.choose(wanted)
    assert chosen.keys() == wanted.keys()
    assert len({port for taken in chosen.values() for port in taken}) == 5


@pytest.mark.parametrize(("port", "azurite"), [(11501, 11500), (11500, 11500), (11502, 11500)])
@pytest.mark.parametrize("setting", ["PORT", "POSTGRES_PORT"])
def test_settings_that_take_one_port_are_told_by_their_names(
    setting: str, port: int, azurite: int
) -> None:
    with pytest.raises(Misconfigured) as caught:
        ports.choose({setting: Wanted(port), "AZURITE_PORT": Wanted(azurite, 3)})
    assert str(caught.value) == (
        f"{setting} ({port}) and AZURITE_PORT (11500 to 11502) both take port {port}; "
        "choose another for one of them"
    )


@pytest.mark.parametrize("first", [65534, 65535])
def test_three_ports_from_near_the_last_are_refused_with_the_most_there_is(first: int) -> None:
    with pytest.raises(Misconfigured, match=f"AZURITE_PORT is {first}, .*; use at most 65533, "):
        ports.choose({"AZURITE_PORT": Wanted(first, 3)})
