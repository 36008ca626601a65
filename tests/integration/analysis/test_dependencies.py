"""Dependencies by OSV's database: fetched by https, kept compact, matched; and what is said without
it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from shared.errors import Damaged, Refused, Unavailable
from tests.integration.analysis.conftest import Lab
from tests.integration.analysis.probe import QUIET
from tests.serving import serving

SILENT = {step: module for step, module in QUIET.items() if step != "locks"}


def entry(number: int, **more: Any) -> tuple[str, bytes]:
    """A file of OSV's zip: flask below 2.2.5 has it."""
    said = {
        "id": f"GHSA-{number}",
        "summary": "Sessions leak",
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": "Flask"},
                "ranges": [
                    {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.2.5"}]}
                ],
            }
        ],
        "database_specific": {"severity": "HIGH"},
        **more,
    }
    return f"GHSA-{number}.json", json.dumps(said).encode()


def zipped(*files: tuple[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in files:
            file.writestr(name, data)
    return made.getvalue()


@contextmanager
def osv(lab: Lab, answer: Callable[[], tuple[int, bytes]]) -> Iterator[None]:
    """OSV's files, at the lab's `osv_url`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, data = answer() if self.path == "/PyPI/all.zip" else (404, b"")
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with serving(Handler, certificate=lab.certificate) as url:
        lab.osv_url = url
        yield


def update(lab: Lab) -> Any:
    return lab.service().vulnerability_update(lab.job())


def test_dependencies_are_checked_with_the_database_and_not_without(lab: Lab) -> None:
    lab.modules = SILENT
    source = lab.source()
    source.commit({"requirements.txt": "flask==2.0.1\nrequests>=2\n", "yarn.lock": ""})
    result = lab.run()
    said = (
        "dependencies not checked: no database of PyPI for 1 packages; 1 without an exact version"
    )
    assert (result["dependencies"], result["tools"]["osv"]) == (said, "did not run")
    assert result["findings_new"] == 0

    data = zipped(entry(1), entry(2, withdrawn="2026-01-01T00:00:00Z"), ("x.json", b"[]"))
    with osv(lab, lambda: (200, data)):
        assert update(lab)["ecosystems"] == {"PyPI": {"entries": 1, "packages": 1}}
        before = [one for one in lab.blobs() if one.startswith("osv/")]
        assert update(lab) and [one for one in lab.blobs() if one.startswith("osv/")] == before
    result = lab.run()
    [found] = lab.found(result)
    assert (found.tool, found.rule, found.severity) == ("osv", "GHSA-1", "high")
    assert (found.path, found.line, found.state) == ("requirements.txt", 1, "new")
    assert found.message == "flask 2.0.1: Sessions leak; it is fixed in 2.2.5"
    assert result["dependencies"] == "1 of 1 packages checked: 1 without an exact version"
    assert result["complete"]

    source.commit({"requirements.txt": "flask==2.2.5\n"})
    assert lab.run()["findings_gone"] == 1
    assert "osv" not in lab.run(dependencies=False)["tools"]


LARGE = ("large.json", b'{"id": "' + b"x" * (9 * 1024 * 1024) + b'"}')


@pytest.mark.parametrize(
    ("status", "data", "error"),
    [
        (200, b"no zip", Damaged),
        (200, zipped(), Damaged),
        (200, zipped(("../../evil.json", b"{}"), LARGE, ("a/", b"")), Damaged),
        (404, b"", Refused),
        (503, b"", Unavailable),
    ],
)
def test_a_database_that_cannot_be_read_leaves_the_last_one(
    lab: Lab, status: int, data: bytes, error: type[Exception]
) -> None:
    answers = [(200, zipped(entry(1))), (status, data)]
    with osv(lab, lambda: answers.pop(0)):
        update(lab)
        before = lab.blobs()
        with pytest.raises(error):
            update(lab)
    assert lab.blobs() == before
