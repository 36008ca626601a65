"""The worker in a process of its own: it has the app's packages alone, and the host hears of its
end."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from local.host.apart import PACKAGES, Apart
from local.host.protos import RpcHttp, TypedData
from local.host.settings import CannotStart
from local.host.worker import Function

T = TypeVar("T")

APP = """
import os, sys, time
import azure.functions as func

app = func.FunctionApp()


@app.route("imports")
def imports(req: func.HttpRequest) -> func.HttpResponse:
    found = []
    for name in ("pytest", "requests", "local.azurite", "tests", "shared", "local.host.run"):
        try:
            __import__(name)
        except ModuleNotFoundError:
            continue
        found.append(name)
    return func.HttpResponse(" ".join([*found, str(os.environ.get("PYTHONPATH"))]))


@app.route("slow")
def slow(req: func.HttpRequest) -> func.HttpResponse:
    time.sleep(1)
    return func.HttpResponse("slept")


@app.route("die")
def die(req: func.HttpRequest) -> func.HttpResponse:
    os._exit(3)
"""
_NEEDED = ("azure.functions", "werkzeug", "markupsafe")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An app with the packages that it needs, and a PYTHONPATH that has all of them."""
    for name in _NEEDED:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            continue  # a version of azure-functions that does not need it
        there = tmp_path / PACKAGES / name.replace(".", "/")
        there.parent.mkdir(parents=True, exist_ok=True)
        there.symlink_to(Path(spec.origin).parent)
    (tmp_path / "function_app.py").write_text(APP)
    monkeypatch.setenv("PYTHONPATH", ":".join(path for path in sys.path if path))
    return tmp_path


def run(
    folder: Path, then: Callable[[Apart, dict[str, Function]], Awaitable[T]], late: list[str]
) -> T:
    async def whole() -> T:
        apart = Apart(timedelta(seconds=0.3), late.append)
        try:
            functions = {one.name: one for one in await apart.load(folder)}
            return await then(apart, functions)
        finally:
            await apart.close()

    return asyncio.run(whole())


def request(name: str) -> TypedData:
    return TypedData(http=RpcHttp(method="GET", url=f"http://localhost/api/{name}"))


def test_the_app_can_import_its_own_packages_and_no_others(folder: Path) -> None:
    async def ask(apart: Apart, functions: dict[str, Function]) -> str:
        outcome = await apart.invoke(functions["imports"], request("imports"))
        assert outcome.value is not None and outcome.value.http is not None
        return (outcome.value.http.body.bytes or b"").decode()

    assert run(folder, ask, []).split()[:-1] == []


def test_the_host_hears_that_a_function_is_late_and_gets_its_answer(folder: Path) -> None:
    late: list[str] = []

    async def ask(apart: Apart, functions: dict[str, Function]) -> tuple[bool, int]:
        outcome = await apart.invoke(functions["slow"], request("slow"))
        return outcome.succeeded, apart.running

    assert run(folder, ask, late) == (True, 0)
    assert late == ["slow"]


def test_a_worker_that_dies_ends_what_waits_for_it(folder: Path) -> None:
    async def ask(apart: Apart, functions: dict[str, Function]) -> None:
        for call in (
            lambda: apart.invoke(functions["die"], request("die")),
            apart.ended,
            lambda: apart.invoke(functions["slow"], request("slow")),
        ):
            with pytest.raises(CannotStart, match="the worker's process ended"):
                await call()

    run(folder, ask, [])


def test_what_an_app_raises_when_it_is_imported_is_told(folder: Path) -> None:
    (folder / "function_app.py").write_text("import pytest\n")

    async def ask(_apart: Apart, _functions: dict[str, Function]) -> None:
        raise AssertionError

    with pytest.raises(CannotStart, match="No module named 'pytest'"):
        run(folder, ask, [])
