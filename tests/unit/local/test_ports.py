"""Ports: free ones, taken ones, and what a person is told."""

from __future__ import annotations

import socket

import pytest

from local import ports
from local.ports import PortInUse


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
            ports.choose(port, "PORT")
        with pytest.raises(PortInUse, match=f"AZURITE_PORT={port + 9} "):
            ports.choose(port - 1, "AZURITE_PORT", count=3)


def test_nobody_answers_on_a_free_port() -> None:
    assert not ports.answers(ports.free(1)[0])


def test_zero_takes_any_free_port() -> None:
    assert len(ports.choose(0, "PORT", count=3)) == 3
