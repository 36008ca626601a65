"""Where Belfry is measured: a fresh Azurite, hosts as processes, and the ledger of their jobs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import Any

from bench.belfry.host import Order
from bench.belfry.world import Jobs, Tasks, app
from bench.peers import environment
from bench.peers.ledger import Ledger
from local import azurite, child
from shared.app import App
from shared.engine.dispatch.names import DISPATCHER

SHARDS = 8
_HOST = Path(__file__).with_name("host.py")

Host = subprocess.Popen[bytes]


class Site:
    """One app at a time, by default on an Azurite of its own: one that holds much is slower."""

    def __init__(self, folder: Path, *, reused: bool = False) -> None:
        self._folder = folder
        self._reused = reused
        self._folder.mkdir(parents=True, exist_ok=True)
        self._began = folder / "began"
        self._prefixes = count()
        self._azurite: azurite.Azurite | None = None
        self.ledger = Ledger(folder / "runs")
        self.keys = folder / "keys"

    @property
    def azurite(self) -> azurite.Azurite:
        """The one that runs. Raises `AssertionError` before there is an app."""
        assert self._azurite is not None
        return self._azurite

    @property
    def began(self) -> float:
        """When the last host began to serve."""
        return float(self._began.read_text())

    def close(self) -> None:
        """End the Azurite, if there is one."""
        if self._azurite is not None:
            self._azurite.stop()
            self._azurite = None

    def app(self, jobs: Tasks | None = None) -> App:
        """An app that has no schedules, and an empty ledger. It ends the one before."""
        if not self._reused:
            self.close()
        if self._azurite is None:
            shutil.rmtree(self._folder / "azurite", ignore_errors=True)
            self._azurite = azurite.start(self._folder / "azurite")
        self.ledger.clear()
        shutil.rmtree(self.keys, ignore_errors=True)
        self.keys.mkdir()
        made = self.same(f"bench{next(self._prefixes)}", jobs=jobs)
        made.prepare()
        made.clocks.tick(DISPATCHER)  # the first one sweeps, too
        return made

    def same(self, prefix: str, transport: Any = None, jobs: Tasks | None = None) -> App:
        """The app of that prefix, over a transport of its own."""
        connection = self.azurite.connection_string
        jobs = jobs or Jobs()
        return app(connection, prefix, shards=SHARDS, jobs=jobs, transport=transport)

    @contextmanager
    def hosts(self, belfry: App, *orders: dict[str, Any]) -> Iterator[list[Host]]:
        """A host for each order (see `host.Order`), started one by one; killed at the end."""
        started: list[Host] = []
        try:
            for order in orders:
                started.append(self.host(belfry, **order))  # noqa: PERF401, to be killed if one fails
            yield started
        finally:
            environment.kill(*started)

    def host(self, belfry: App, **order: Any) -> Host:
        """One that is up."""
        self._began.unlink(missing_ok=True)
        given = Order(
            connection_string=self.azurite.connection_string,
            prefix=belfry.settings.prefix,
            shards=SHARDS,
            ledger=str(self.ledger.path),
            began=str(self._began),
            **order,
        )
        arguments = [sys.executable, str(_HOST), json.dumps(asdict(given))]
        log = self._folder / "host.log"
        host = child.spawn(arguments, log=log)
        while not (self._began.exists() and self._began.read_text()):
            if host.poll() is not None:
                raise environment.Failed(f"a host did not start, see {log}", broken=True)
            time.sleep(0.01)
        return host
