"""What is kept of analyses: whole or not at all, as long as it is of use, for the right people."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.analysis import rows
from shared.analysis.model import Analysis, AnalysisKind
from shared.errors import Cancelled, Invalid, NotFound, Refused, Skipped, Unavailable
from shared.storage.blobs import room
from tests.dying import Killed
from tests.integration.analysis.conftest import Lab
from tests.integration.analysis.probe import QUIET
from tests.vendors.git import Source


@pytest.fixture
def quiet(lab: Lab) -> Lab:
    lab.modules = QUIET
    lab.source().commit({"do": "list"})
    return lab


def end(lab: Lab) -> tuple[list[Any], list[str]]:
    """(what each analysis says and found, its blobs), without attempts."""
    service = lab.service()
    told = [
        (one.id, one.commit, one.counts, [(f.path, f.message, f.state) for f in service.of(one)])
        for one in service.page({7}, None, 1, 100)[0]
    ]
    return told, sorted({one.split("/")[-1] for one in lab.blobs()})


def test_killed_at_any_write_the_end_is_the_same(quiet: Lab) -> None:
    job = quiet.job()
    writes = 0
    while True:  # a process that is killed a write later each time, and the attempt after it
        try:
            service = quiet.service(quiet.dying(writes))
            service.run(quiet.job(number=1, attempt=1 + writes), repository_id="42", kind=KIND)
            break
        except Killed:
            writes += 1
    assert writes >= 4, "the container, two blobs, the rows"
    first = quiet.service().get(rows.analysis_id(7, job.job_id))
    again = quiet.run(job=quiet.job(number=1, attempt=99))
    assert (again["analysis_id"], again["findings_new"]) == (first.id, 3)
    told, blobs = end(quiet)
    assert [len(found) for *_, found in told] == [3]
    assert blobs == ["findings.gz", "sarif.gz"]
    later = datetime.now(UTC) + timedelta(days=2)  # by the clock of storage
    assert quiet.store.sweep(later, lambda: None) > 0, "of attempts that were killed"
    assert len(quiet.blobs()) == 2 and end(quiet)[0] == told


def test_two_attempts_at_once_keep_one_analysis(quiet: Lab) -> None:
    job = quiet.job()
    late: list[dict[str, Any]] = []

    def meanwhile() -> None:
        quiet.server.during = lambda: None
        other = quiet.job(number=1, attempt=2)
        late.append(dict(quiet.service().run(other, repository_id="42", kind=KIND)))

    quiet.server.during = meanwhile
    assert dict(quiet.service().run(job, repository_id="42", kind=KIND)) == late[0]
    assert len(quiet.service().page({7}, None, 1, 100)[0]) == 1


def test_a_run_that_fetched_before_another_one_is_not_compared_with_it(quiet: Lab) -> None:
    """Two jobs at once, as with `overlap: allow_all`, or of two schedules."""
    source, last = Source(quiet.server.root / "42"), quiet.store.last
    faster: list[dict[str, Any]] = []

    def meanwhile(of: Analysis) -> rows.Last:
        quiet.store.last = last  # type: ignore[method-assign]
        source.commit({"more": ""})
        faster.append(quiet.run())
        return last(of)

    quiet.store.last = meanwhile  # type: ignore[method-assign]
    late = quiet.job()
    with pytest.raises(
        Skipped, match=r"fetched main later, at 2026-03-01T12:0\d:00Z, and was faster"
    ):
        quiet.run(job=late)
    assert faster[0]["findings_new"] == 6 and len(quiet.service().page({7}, None, 1, 100)[0]) == 1

    real = quiet.store.write_files

    def written(*given: Any) -> None:
        quiet.store.write_files = real  # type: ignore[method-assign]
        quiet.run()
        real(*given)

    quiet.store.write_files = written  # type: ignore[method-assign, assignment]
    with pytest.raises(Unavailable, match="another analysis of 42 was faster"):
        quiet.run()


def test_an_attempt_that_is_given_back_is_made_again_whenever_it_was_told_to_stop(
    quiet: Lab,
) -> None:
    """Nothing stops it between its blobs: those of the attempt that follows have the same names."""
    stop = threading.Event()
    real = quiet.store.container.blob

    def blob(name: str, *check: Any) -> Any:
        if name.endswith("sarif.gz"):
            stop.set()
        return real(name, *check)

    quiet.store.container.blob = blob  # type: ignore[method-assign, assignment]
    with contextlib.suppress(Cancelled):
        quiet.run(job=quiet.job(number=1, stop=stop))
    Source(quiet.server.root / "42").commit({"more": ""})
    assert stop.is_set() and quiet.run(job=quiet.job(number=1))["findings_new"] == 3


def test_old_analyses_go_and_what_others_are_compared_with_stays(quiet: Lab) -> None:
    first = quiet.run()
    quiet.clock.advance(timedelta(days=80))
    second = quiet.run()
    quiet.clock.advance(timedelta(days=20))
    quiet.modules = QUIET | {"ruff": "nothing.there"}
    third = quiet.run()
    assert third["tools"]["ruff"] == "failed"
    kept = {one.id for one in quiet.service().page({7}, None, 1, 100)[0]}
    assert kept == {second["analysis_id"], third["analysis_id"]}
    quiet.clock.advance(timedelta(days=100))
    fourth = quiet.run()
    kept = {one.id for one in quiet.service().page({7}, None, 1, 100)[0]}
    assert second["analysis_id"] in kept, "ruff looked then for the last time"
    assert kept == {second["analysis_id"], fourth["analysis_id"]}
    assert not [one for one in quiet.blobs() if first["analysis_id"] in one]


def test_a_project_keeps_so_many_bytes_and_a_killed_attempt_is_no_obstacle(
    quiet: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "MOST_BYTES", 1)
    with pytest.raises(Killed):  # its files are there, its rows are not
        quiet.service(quiet.dying(3)).run(quiet.job(number=1), repository_id="42", kind=KIND)
    assert quiet.blobs()
    quiet.run(job=quiet.job(number=1, attempt=2))
    with pytest.raises(Refused, match="GB of them at most; they go after 90 days"):
        quiet.run(job=quiet.job(number=2))
    assert len(quiet.service().page({7}, None, 1, 100)[0]) == 1


def test_a_project_has_its_own_repositories_alone(quiet: Lab) -> None:
    with pytest.raises(NotFound):
        quiet.run(job=quiet.job(project_id=8))
    quiet.resources.add("43", 7, "https://elsewhere.example.com/a")
    with pytest.raises(Invalid, match=r"repository_id: elsewhere.example.com is no host"):
        quiet.run("43")
    quiet.run()
    assert list(quiet.service().findings(8, None, None)) == []


def test_a_token_opens_its_repository_and_is_said_nowhere(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    lab.modules = QUIET
    token = lab.server.token = "ghp_hushhushhush"
    lab.source("42", token=token).commit({"do": "list"})
    result = lab.run()
    assert all(told for _, _, told in lab.server.requests)
    kept = lab.service().sarif(lab.service().get(result["analysis_id"]))
    lab.source("43", token="wrong" + token).commit({"do": ""})
    with pytest.raises(Refused, match="does not let anyone in") as caught:
        lab.run("43")
    for text in (str(result), kept.decode(), str(caught.value), caplog.text):
        assert token not in text and "eC1hY2Nlc3MtdG9rZW4" not in text
    assert all("@" not in path for _, path, _ in lab.server.requests)


def test_a_redirect_takes_no_token_along(
    lab: Lab, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from tests.vendors.git import git_server

    lab.modules = QUIET
    lab.source("42", token="ghp_hushhushhush")
    with git_server(tmp_path_factory.mktemp("other"), lab.certificate) as other:
        other.repository("42").commit({"do": "list"})
        lab.server.redirect = other.url
        assert lab.run()["files"] == 1
        assert other.requests and not any(told for _, _, told in other.requests)


@pytest.mark.parametrize("name", ["no-such-repository", "empty", "no-such-branch"])
def test_what_cannot_be_fetched_says_so(lab: Lab, name: str) -> None:
    lab.modules = QUIET
    source = lab.source("42")
    if name == "no-such-repository":
        lab.resources.add("42", 7, f"{lab.server.url}/{name}")
    elif name == "no-such-branch":
        source.commit({"do": ""})
    with pytest.raises(Refused, match=r"no such repository|has no branch"):
        lab.run(branch="nothing" if name == "no-such-branch" else "")


def test_the_row_and_the_lines_are_read_as_they_were_written(quiet: Lab) -> None:
    result = quiet.run()
    one = quiet.service().get(result["analysis_id"])
    assert rows.to_analysis({**rows.properties(one), "RowKey": "x"}) == one
    assert json.loads(rows.line(next(iter(quiet.store.findings(one)))))["state"] == "new"


KIND = AnalysisKind.SECURITY
