"""Repositories that were made to harm, and tools that fail: each analysis ends, says what it did
not look at, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import socket
import stat
import tempfile
import threading
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from shared.analysis.limits import MIB, Limits
from shared.analysis.model import AnalysisKind
from shared.errors import Cancelled, Refused
from tests.integration.analysis.conftest import Lab
from tests.integration.analysis.probe import QUIET
from tests.waiting import until

REG, EXE, LINK, DIR, MODULE = 0o100644, 0o100755, 0o120000, 0o040000, 0o160000


@pytest.fixture(autouse=True)
def nothing_is_left() -> Any:
    yield
    left = list(Path(tempfile.gettempdir()).glob(f"belfry-analysis-{os.getpid()}-*"))
    assert left == [], "every scratch folder is removed"
    assert not [one for one in psutil.process_iter(["cmdline"]) if _outlives(one)]


def _outlives(one: psutil.Process) -> bool:
    return any("outlives" in word for word in one.info["cmdline"] or ())


def said(lab: Lab, result: dict[str, Any]) -> list[str]:
    """What the probe that takes the place of ruff said."""
    return [one.message for one in lab.found(result) if one.tool == "ruff"]


def test_what_is_written_of_an_odd_repository(lab: Lab) -> None:
    lab.modules = QUIET
    source = lab.source()
    source.plant(_odd)
    result = lab.run()
    assert said(lab, result) == ["OK.PY", "do", "run.sh"]
    analysis = lab.service().get(result["analysis_id"])
    left = {one.reason: one.count for one in analysis.left_out}
    assert left == {
        "a symbolic link": 2,
        "a submodule": 1,
        "a name that is git's own": 2,
        "a name that leads elsewhere, or has control characters": 3,
        "a name is no UTF-8": 1,
        "a name is too long": 1,
        "a name that is a device's, or that some systems change": 1,
        "a name that differs from another one by its case only": 1,
        "a path that is too long, or too deep": 1,
        "its content is in Git LFS": 1,
        "not sent, or larger than 2097152 bytes": 2,
        "no regular file": 1,
    }
    assert result["files_left_out"] == sum(left.values())
    assert not Path("/tmp/escaped").exists() and not Path("/tmp/evil").exists()  # noqa: S108


def _odd(store: Any) -> bytes:
    from dulwich.objects import Blob, Tree

    def blob(data: bytes) -> bytes:
        made = Blob.from_string(data)
        store.add_object(made)
        return made.id

    def tree(*entries: tuple[bytes, int, bytes]) -> bytes:
        made = Tree()
        for name, mode, one in entries:
            made.add(name, mode, one)  # type: ignore[arg-type]
        store.add_object(made)
        return made.id

    evil = blob(b"evil")
    deep = tree((b"f", REG, evil))
    for _ in range(60):
        deep = tree((b"d", DIR, deep))
    lfs = b"version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 5\n"
    return tree(
        (b"do", REG, blob(b"list")),
        (b"ok.py", REG, blob(b"a = 1\n")),
        (b"run.sh", EXE, blob(b"rm -rf /\n")),
        (b"link", LINK, blob(b"/tmp/escaped")),
        (b"out", LINK, blob(b"../../..")),
        (b"module", MODULE, b"1" * 40),
        (b".git", DIR, tree((b"hooks", DIR, tree((b"post-checkout", EXE, evil))))),
        (b"GIT~1", REG, evil),
        (b"..", DIR, tree((b"evil", REG, evil))),
        (b"a\\..\\b", REG, evil),
        (b"line\nend", REG, evil),
        (b"\xff\xfe", REG, evil),
        (b"x" * 300, REG, evil),
        (b"aux", REG, evil),
        (b"OK.PY", REG, evil),
        (b"deep", DIR, deep),
        (b"movie.mp4", REG, blob(lfs)),
        (b"huge.py", REG, blob(b"#" * (3 * MIB))),
        (b"large.txt", REG, blob(os.urandom(3 * MIB))),
        (b"pipe", 0o010644, evil),
    )


def test_ten_thousand_files_and_the_first_of_more(lab: Lab) -> None:
    lab.modules = QUIET
    source = lab.source()
    source.commit({f"d{one % 100:02}/{one:05}.py": f"a = {one}\n" for one in range(10_000)})
    less = lab.run(max_files=9_900)
    assert (less["files"], less["files_left_out"]) == (9_900, 100)
    left = lab.service().get(less["analysis_id"]).left_out
    assert [one.reason for one in left] == ["more than 9900 files"]


def test_few_objects_that_are_endless_files(lab: Lab) -> None:
    """A tree of ten times the same tree, twelve levels deep: 10^12 files in a few bytes."""
    from dulwich.objects import Blob, Tree

    def bomb(store: Any) -> bytes:
        one = Blob.from_string(b"boom")
        store.add_object(one)
        below, mode = one.id, REG
        for _ in range(12):
            made = Tree()
            for name in range(10):
                made.add(b"%d" % name, mode, below)
            store.add_object(made)
            below, mode = made.id, DIR
        return below

    lab.modules = QUIET
    lab.limits = Limits(entries=100_000)
    lab.source().plant(bomb)
    with pytest.raises(Refused, match="more than 100000 files and folders"):
        lab.run()


@pytest.mark.parametrize(
    ("limits", "match"),
    [
        (Limits(pack=100_000), "more than 0 MiB|sent more than"),
        (Limits(inflated=100_000), "more than 100000 bytes when it is inflated"),
        (Limits(total=100_000), "all files together have more than 100000 bytes"),
        (Limits(objects=2), "objects; 2 may be"),
    ],
)
def test_what_is_too_large_is_refused(lab: Lab, limits: Limits, match: str) -> None:
    lab.limits, lab.modules = limits, QUIET
    lab.source().commit({"a.bin": os.urandom(200_000)})
    with pytest.raises(Refused, match=match):
        lab.run()
    assert lab.rows() == [] and lab.blobs() == []


def test_what_looks_at_it_has_no_secrets_and_no_way_out(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AzureWebJobsStorage", "AccountKey=hushhush")
    monkeypatch.setenv("IDENTITY_HEADER", "hushhush")
    monkeypatch.setenv("PYTHONPATH", "/evil")
    lab.modules = QUIET
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = str(listening.getsockname()[1])
        lab.source().commit({"do": "look around", "port": port})
        around = dict(one.split(" ", 1) for one in said(lab, lab.run()))
    names = set(eval(around["environment"])) - {"LC_CTYPE"}  # noqa: S307 - the probe is the test's own
    assert names == {"HOME", "LANG", "PATH", "RAYON_NUM_THREADS", "TMPDIR"}
    limits = eval(around["limits"])  # noqa: S307 - the probe is the test's own
    usual = Limits()
    assert limits["AS"] == usual.memory and limits["FSIZE"] == usual.output
    assert limits["CPU"] == usual.seconds + 1 and limits["CORE"] == 0 and limits["NPROC"] > 0
    assert around["modules"] == "[]"
    assert int(around["files"]) <= 4, "nothing of the app's is open"
    apart = _may_be_apart()
    assert around["network"] == ("OSError" if apart else "open")
    assert around["parent"] == ("PermissionError" if apart else "open")


def _may_be_apart() -> bool:
    """Whether this system lets a program have namespaces of its own."""
    import subprocess

    done = subprocess.run(["unshare", "-Un", "true"], capture_output=True)
    return done.returncode == 0


FAILS = (
    {
        "ruff": ("eat memory", "MemoryError"),
        "bandit": ("loop", "took longer|more processor time"),
        "secrets": ("write", "OSError|wrote more"),
    },
    {
        "ruff": ("crash", "crashed"),
        "bandit": ("loop apart", "took longer|more processor time"),
        "secrets": ("garbage", "cannot be read"),
        "complexity": ("unknown", "KeyError"),
    },
)


def test_a_tool_that_fails_is_told_and_ends(lab: Lab) -> None:
    lab.modules = QUIET
    lab.limits = Limits(seconds=2, output=8 * MIB)
    source = lab.source()
    good = dict.fromkeys((f"do.{step}" for step in QUIET), "list")
    source.commit(good)
    before = lab.run(kind=AnalysisKind.FULL, dependencies=False)["findings_new"]
    for several in FAILS:
        source.commit(good | {f"do.{step}": wish for step, (wish, _) in several.items()})
        result = lab.run(kind=AnalysisKind.FULL, dependencies=False)
        assert not result["complete"] and result["findings_gone"] == 0, "nobody looked for it"
        ran = lab.service().get(result["analysis_id"]).tools
        for one, step in zip(ran, ("ruff", "bandit", "secrets", "complexity"), strict=True):
            assert one.ok is (step not in several)
            assert re.search(several.get(step, ("", "^$"))[1], one.said), one.said
    source.commit(good)
    after = lab.run(kind=AnalysisKind.FULL, dependencies=False)
    assert after["findings_same"] == before > 0, "compared with when each tool last looked"
    assert after["complete"] and after["findings_new"] == 0


def test_a_job_that_must_end_ends_at_once(lab: Lab) -> None:
    lab.modules = QUIET
    lab.source().commit({"do": "loop apart"})
    stop = threading.Event()

    def tell() -> None:
        until(_runs)
        stop.set()

    teller = threading.Thread(target=tell)
    teller.start()
    with pytest.raises(Cancelled):
        lab.run(job=lab.job(stop=stop))
    teller.join()
    assert lab.rows() == []


def _runs() -> bool:
    return any(_outlives(one) for one in psutil.process_iter(["cmdline"]))


def test_files_of_the_repository_cannot_be_run(lab: Lab) -> None:
    """What is written may be read by the app alone, and runs nowhere."""
    lab.modules = QUIET
    seen: list[int] = []
    source = lab.source()
    source.commit({"do": "", "run.sh": "#!/bin/sh\n"})
    from shared.analysis import service

    whole = service._unpacked

    def look(*given: Any) -> Any:
        made = whole(*given)
        seen.append(stat.S_IMODE((given[2].src / "run.sh").stat().st_mode))
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(service, "_unpacked", look)
        lab.run(kind=AnalysisKind.SECURITY)
    assert seen == [0o600]
