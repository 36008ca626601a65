"""The analysis' only entry point: fetches a repository, has it looked at, compares, keeps.

An attempt that is killed leaves a scratch folder, which the next analysis on that instance removes,
and perhaps blobs that no row names, which `vulnerability_update` sweeps. The next attempt begins
anew, or finds the rows and returns what they say.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from shared.analysis import hosts, rows, sarif
from shared.analysis.compare import Compared, compared
from shared.analysis.fetching import Fetched, fetch
from shared.analysis.limits import Limits
from shared.analysis.looking import Looking, Seen
from shared.analysis.model import (
    Analysis,
    AnalysisKind,
    Counts,
    Finding,
    FindingState,
    Found,
    LeftOut,
    Rule,
    Tool,
)
from shared.analysis.osv import Vulnerabilities
from shared.analysis.rows import Last
from shared.analysis.sandbox import Failed, Sandbox
from shared.analysis.scratch import Scratch, scratch
from shared.analysis.store import Store
from shared.errors import Damaged, NotFound, Refused, Skipped
from shared.log import instant
from shared.outgoing import Outgoing
from shared.resources.model import Resource
from shared.resources.port import ResourceService
from shared.resources.repositories import Repository
from shared.tasks import JobContext

_LIMITS = Limits()


class Analyses:
    """The service (`port.AnalysisService`), and what the API asks of it."""

    def __init__(
        self,
        *,
        store: Store,
        resources: Callable[[], ResourceService],
        guarded: Callable[[], Outgoing],
        vulnerabilities: Vulnerabilities,
        allowed: Collection[str],
        limits: Limits = _LIMITS,
        modules: Mapping[str, str] | None = None,
    ) -> None:
        """`allowed`: hosts that repositories are fetched from. `modules`: as of `Sandbox`."""
        self._store = store
        self._resources = resources
        self._guarded = guarded
        self._vulnerabilities = vulnerabilities
        self._allowed = allowed
        self._limits = limits
        self._turn = threading.Lock()
        self._modules = modules

    def hold(self, url: str) -> None:
        """Raise `Invalid` unless a repository of that URL can be analysed."""
        hosts.hold(url, self._allowed)

    def run(
        self,
        job: JobContext,
        *,
        repository_id: str,
        kind: AnalysisKind,
        branch: str = "",
        dependencies: bool = True,
        max_files: int | None = None,
        max_bytes: int | None = None,
    ) -> Mapping[str, object]:
        """Analyse a repository of the job's project (`port.AnalysisService`)."""
        analysis = rows.analysis_id(job.project_id, job.job_id)
        found = self._store.get(analysis)
        if found is not None:
            return result(found)
        self._store.hold_room(job.project_id, analysis, job.check)
        repository = self._resources().repository(repository_id, job.project_id)
        if repository.disabled:
            raise Skipped(f"repository {repository_id} is disabled: {repository.disabled}")
        self.hold(repository.what.url)
        limits = self._within(max_files, max_bytes)
        began, at = job.clock.monotonic(), job.clock.now()
        with scratch(at) as place:
            fetched = self._fetch(repository, branch, place, limits, job)
            job.progress(0.2)
            sandbox = Sandbox(job, place, limits, self._turn, self._modules)
            files = _unpacked(sandbox, fetched, place)
            job.progress(0.3)
            looking = Looking(job, sandbox, limits, self._vulnerabilities, str(place.src))
            seen = looking.look(kind, dependencies=dependencies)
        made = _analysis(job, at, repository_id, kind, fetched, files, seen)
        made = replace(made, seconds=round(job.clock.monotonic() - began, 1))
        return result(self._kept(made, repository.what.url, seen, files, job))

    def get(self, analysis: str) -> Analysis:
        """The analysis of that id. Raises `NotFound`, `Damaged`."""
        found = self._store.get(analysis)
        if found is None:
            raise NotFound(f"there is no analysis {analysis!r}")
        return found

    def page(
        self, projects: Collection[int] | None, repository_id: str | None, page: int, size: int
    ) -> tuple[list[Analysis], int]:
        """(a page of those of these projects (None: of all), newest first; how many there are)."""
        return self._store.page(projects, repository_id, (page - 1) * size, size)

    def of(self, analysis: Analysis) -> Iterator[Finding]:
        """What an analysis found, those that are gone included."""
        return (rows.finding(one, analysis) for one in self._store.findings(analysis))

    def sarif(self, analysis: Analysis) -> bytes:
        """Its findings as SARIF, those that are gone included."""
        return self._store.sarif(analysis)

    def findings(
        self, project_id: int | None, since: datetime | None, until: datetime | None
    ) -> Iterator[Finding]:
        """What the last analyses of a project found (`port.AnalysisService`)."""
        for one in rows.newest(self._store.all(project_id, since=since, until=until)):
            yield from self.of(one)

    def vulnerability_update(self, job: JobContext) -> Mapping[str, object]:
        """Fetch OSV's database anew (`port.AnalysisService`)."""
        done = self._vulnerabilities.update(job)
        swept = self._store.sweep(job.clock.now(), job.check)
        return {"ecosystems": done, "swept": swept}

    def _within(self, files: int | None, size: int | None) -> Limits:
        """The limits, and those of the parameters where they are lower."""
        most = self._limits
        return replace(
            most,
            files=min(most.files, files or most.files),
            pack=min(most.pack, size or most.pack),
            total=min(most.total, size or most.total),
        )

    def _fetch(
        self,
        repository: Resource[Repository],
        branch: str,
        place: Scratch,
        limits: Limits,
        job: JobContext,
    ) -> Fetched:
        wanted = branch or repository.what.branch
        token = repository.secrets.get("token")
        fetched = fetch(
            self._guarded(), repository.what, token, wanted, place.pack, limits, job.stop
        )
        job.log("fetched", commit=fetched.commit, branch=fetched.branch, bytes=fetched.bytes)
        return fetched

    def _kept(
        self, made: Analysis, url: str, seen: Seen, files: Files, job: JobContext
    ) -> Analysis:
        """Compare, write, and remove what is too old."""
        last = self._store.last(made)
        if last.at is not None and last.at > made.at and last.commit != made.commit:
            return self._older(made, last.at)
        before = list(self._before(last, job))
        looked = seen.looked if files.whole else set[Tool]()
        found = compared(seen.found, before, looked=looked, left_out=files.paths)
        counts = Counts.of((one.state, one.found.severity) for one in found)
        made = replace(made, counts=counts)
        of = sarif.Of(
            category=f"belfry/{made.repository_id}/{made.branch}/{made.kind.value}",
            commit=made.commit,
            branch=made.branch,
            url=url,
        )
        log = sarif.document(of, seen.ran, _rules(seen), found, files.left_out)
        job.check()
        self._store.write_files(made, found, sarif.as_bytes(log))
        tools = {**last.tools, **dict.fromkeys(looked, made.id)}
        after = replace(last, tools=tools, commit=made.commit, at=max(made.at, last.at or made.at))
        written = self._store.add(made, after)
        job.progress(1.0)
        gone = self._store.prune(written, job.clock.now(), job.check)
        job.log("analysed", analysis=written.id, findings=len(found), pruned=gone)
        return written

    def _older(self, made: Analysis, since: datetime) -> Analysis:
        """What is there of the job, if another attempt was faster. Else raises `Skipped`: what was
        found in an older commit is neither new nor gone."""
        if (found := self._store.get(made.id)) is not None:
            return found
        said = f"another run fetched {made.branch} later, at {instant(since, 'seconds')}"
        raise Skipped(f"{said}, and was faster; what this one fetched is older")

    def _before(self, last: Last, job: JobContext) -> Iterator[Found]:
        """What each tool found when it last looked at everything."""
        for analysis in sorted(set(last.tools.values())):
            tools = {tool for tool, one in last.tools.items() if one == analysis}
            try:
                found = self._store.get(analysis)
                several: list[Compared] = [] if found is None else list(self._store.findings(found))
            except Damaged as error:  # then all of it is new, which is better than no analysis
                job.log("the analysis before cannot be read", analysis=analysis, error=str(error))
                continue
            for one in several:
                if one.found.tool in tools and one.state is not FindingState.GONE:
                    yield one.found


class Files:
    """What was unpacked."""

    def __init__(self, said: Mapping[str, object]) -> None:
        """Raises `KeyError`, `TypeError`, `ValueError` for what no unpacking says."""
        self.count = int(str(said["files"]))
        self.bytes = int(str(said["bytes"]))
        self.whole = said["left_whole"] is True
        """Whether `paths` has all that were left out."""
        paths, left = said["left_paths"], said["left_out"]
        if not isinstance(paths, list) or not isinstance(left, list):
            raise TypeError("no lists")
        self.paths = frozenset(map(str, paths))
        self.left_out = tuple(
            LeftOut(
                reason=str(one["reason"])[:200],
                count=int(one["count"]),
                examples=tuple(str(path)[:200] for path in one["examples"][:10]),
            )
            for one in left[:50]
        )


def result(one: Analysis) -> dict[str, object]:
    """What a job says of its analysis (P8)."""
    return {
        "analysis_id": one.id,
        "report": f"/api/v1/analyses/{one.id}",
        "commit": one.commit,
        "branch": one.branch,
        "files": one.files,
        "bytes": one.bytes,
        "bytes_fetched": one.fetched,
        "files_left_out": sum(left.count for left in one.left_out),
        "findings_new": one.counts.total(FindingState.NEW),
        "findings_same": one.counts.total(FindingState.SAME),
        "findings_gone": one.counts.total(FindingState.GONE),
        "by_severity": {name.value: count for name, count in one.counts.severities.items()},
        "tools": {ran.tool.value: _how(ran.ok, ran.ran) for ran in one.tools},
        "dependencies": one.dependencies,
        "complete": one.complete,
        "seconds": one.seconds,
    }


def _how(ok: bool, ran: bool) -> str:
    return "did not run" if not ran else "ok" if ok else "failed"


def _unpacked(sandbox: Sandbox, fetched: Fetched, place: Scratch) -> Files:
    """Unpack the pack. Raises `Refused`: the same pack would fail again."""
    try:
        said = sandbox.run(
            "unpack", pack=str(place.pack), commit=fetched.commit, src=str(place.src)
        )
        if "error" in said:
            raise Refused("the repository", str(said["error"])[:300])
        return Files(said)
    except Failed as error:
        raise Refused("the repository", f"it cannot be unpacked: {error}") from None
    except (KeyError, TypeError, ValueError) as error:
        text = f"what unpacked it said what cannot be read ({type(error).__name__})"
        raise Refused("the repository", text) from None


def _analysis(
    job: JobContext,
    at: datetime,
    repository_id: str,
    kind: AnalysisKind,
    fetched: Fetched,
    files: Files,
    seen: Seen,
) -> Analysis:
    return Analysis(
        id=rows.analysis_id(job.project_id, job.job_id),
        project_id=job.project_id,
        repository_id=repository_id,
        branch=fetched.branch,
        commit=fetched.commit,
        kind=kind,
        schedule_id=job.schedule_id,
        job_id=job.job_id,
        attempt=job.attempt,
        at=at,
        seconds=0.0,
        files=files.count,
        bytes=files.bytes,
        fetched=fetched.bytes,
        counts=Counts(by={}),
        tools=tuple(seen.ran),
        dependencies=seen.dependencies,
        left_out=files.left_out,
        measures=seen.measures,
    )


def _rules(seen: Seen) -> Mapping[Tool, Sequence[Rule]]:
    return seen.rules
