"""Steps for tests, in place of the tools: each looks at, or does, something of its own. They run in
the programs that `Sandbox` starts."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

QUIET = dict.fromkeys(
    ("ruff", "bandit", "secrets", "complexity", "locks"), "tests.integration.analysis.probe"
)
"""No tool runs."""


def main(order: Mapping[str, Any]) -> dict[str, Any]:
    """As the file `do` in the repository says, or `do.{step}`; by default nothing is found."""
    src = Path(order["src"])
    told = [src / "do", src / f"do.{Path(order['out']).name}"]
    wish = next((one.read_text() for one in told if one.exists()), "")
    ways: dict[str, Callable[[Path, Mapping[str, Any]], dict[str, Any]]] = {
        "": _nothing,
        "look around": _around,
        "list": _listed,
        "eat memory": _eats,
        "loop": _loops,
        "loop apart": _loops_apart,
        "write": _writes,
        "crash": _crashes,
        "garbage": lambda *_: {"findings": [{"rule": 7}], "rules": 5},
    }
    return ways[wish](src, order)


def _said(*messages: str) -> dict[str, Any]:
    findings = [
        {
            "rule": f"R{number}",
            "severity": "note",
            "message": message,
            "path": "do",
            "line": 1,
            "column": 0,
            "end_line": 0,
            "end_column": 0,
            "fingerprint": f"{number}",
        }
        for number, message in enumerate(messages)
    ]
    empty = {"packages": [], "locks": 0, "loose": 0, "troubles": []}
    sizes = {"languages": [], "largest": [], "functions": 0, "average": 0, "highest": 0}
    return {"version": "1", "findings": findings, "rules": [], "trouble": "", **empty, **sizes}


def _nothing(*_: object) -> dict[str, Any]:
    return _said()


def _listed(src: Path, _: object) -> dict[str, Any]:
    return _said(*sorted(str(one.relative_to(src)) for one in src.rglob("*") if one.is_file()))


def _around(_: object, order: Mapping[str, Any]) -> dict[str, Any]:
    parent = Path(f"/proc/{order['parent']}/environ")
    limits = {
        name: resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[1]
        for name in ("AS", "CPU", "FSIZE", "NOFILE", "CORE", "NPROC")
    }
    return _said(
        f"environment {sorted(os.environ)}",
        f"limits {limits}",
        f"parent {_tried(parent.read_bytes)}",
        f"network {_tried(lambda: socket.create_connection(('127.0.0.1', _port()), 2))}",
        f"modules {sorted(one for one in sys.modules if one.startswith(('azure', 'shared.set')))}",
        f"files {sum(1 for _ in Path('/proc/self/fd').iterdir())}",
        f"pid {os.getpid()}",
    )


def _port() -> int:
    return int(Path("../src/port").read_text())


def _tried(action: Any) -> str:
    try:
        action()
    except OSError as error:
        return type(error).__name__
    return "open"


def _eats(*_: object) -> dict[str, Any]:
    return _said(str(len(bytearray(8 << 30))))


def _loops(*_: object) -> dict[str, Any]:
    while True:
        pass


def _loops_apart(src: Path, _: object) -> dict[str, Any]:
    """A program of its own that wants to outlive everything."""
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    subprocess.Popen([sys.executable, "-I", "-c", code, f"outlives {src}"])
    _loops()
    return {}


def _writes(_: object, order: Mapping[str, Any]) -> dict[str, Any]:
    with Path(order["out"] + ".more").open("wb") as file:
        for _piece in range(1000):
            file.write(b"\0" * (1 << 20))
    return _said()


def _crashes(*_: object) -> dict[str, Any]:
    os.kill(os.getpid(), signal.SIGSEGV)
    return {}
