"""What the SDKs' transport does with answers that nobody reads."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from azure.core.exceptions import ResourceNotFoundError

from local.azurite import Azurite
from shared.settings import from_env
from shared.storage import connect, failures
from shared.storage.connect import Connection
from tests.faults import Cut, Fault, FaultProxy, Refuse, Throttle


@pytest.mark.parametrize("fault", [Throttle(0), Refuse(500), Cut(0.1)], ids=lambda one: one.kind)
def test_an_attempt_at_a_download_leaves_no_connection_behind(
    azurite: Azurite, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    """An answer that nobody reads keeps its connection, until the garbage collector finds both:
    that is a warning, and here a warning is an error."""
    pauses = {"initial_backoff": 0, "increment_base": 0, "random_jitter_range": 0}
    monkeypatch.setattr(connect, "_BLOBS", {"retry_total": 3, **pauses})
    gc.collect()
    with FaultProxy(azurite.connection_string) as proxy:
        proxy.rules.add(fault, times=1)
        account = from_env({"AzureWebJobsStorage": proxy.connection_string}).storage
        transport = failures.transport(**failures.TIMEOUTS)
        container = Connection(account, transport).container("nowhere")
        with pytest.raises(ResourceNotFoundError, match="ErrorCode:ContainerNotFound"):
            container.download_blob("nothing")
        assert connections(transport, container.url) == 1
        del container, transport
        gc.collect()


def test_nor_does_a_download_of_nothing(azurite: Azurite) -> None:
    account = from_env({"AzureWebJobsStorage": azurite.connection_string}).storage
    transport = failures.transport(**failures.TIMEOUTS)
    container = Connection(account, transport).container("empty")
    container.create_container()
    container.upload_blob("nothing", b"")
    assert container.download_blob("nothing").readall() == b""
    container.get_container_properties()
    assert connections(transport, container.url) == 1


def connections(transport: Any, url: str) -> int:
    """How many it has opened to the one account."""
    pools = transport.session.get_adapter(url).poolmanager.pools
    (pool,) = (pools[key] for key in pools.keys())  # noqa: SIM118 (it cannot be iterated)
    return int(pool.num_connections)
