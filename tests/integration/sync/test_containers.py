"""Container to container."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from azure.storage.blob import ContainerClient, ContentSettings

from shared.errors import Invalid, Refused
from shared.storage.blobs import room
from shared.sync import container, store
from shared.sync.model import SyncStatus
from tests.integration.sync.conftest import Sides

COPY: dict[str, Any] = {"source_id": "a", "destination_id": "b"}
ODD = ("plain.txt", "a b+c%20&=?#.txt", "Ünïcödé/日本/😀", "dir/sub/..hidden", "z//double", "Caps")


def content(side: ContainerClient) -> dict[str, bytes]:
    return {one.name: side.download_blob(one.name).readall() for one in side.list_blobs()}


def put(side: ContainerClient, name: str, data: bytes = b"x") -> None:
    side.upload_blob(name, data, overwrite=True)


def test_everything_is_copied_as_it_was_and_nothing_twice(
    sides: Sides, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "BLOCK", 64 * 1024)
    source, copy = sides.blobs
    for name in ODD:
        put(source, name, name.encode())
    put(source, "empty", b"")
    large = hashlib.shake_256(b"large").digest(300_001)
    settings = ContentSettings(
        content_type="image/png", cache_control="no-store", content_language="de"
    )
    source.upload_blob("large", large, metadata={"Own": "1"}, content_settings=settings)
    source.get_blob_client("plain.txt").create_snapshot()
    put(copy, "theirs", b"nobody's business")

    first = sides.world.run(verify="read_back", **COPY)
    assert (first["copied"], first["failed"], first["deleted"]) == (len(ODD) + 2, 0, 0)
    assert content(copy) == content(source) | {"theirs": b"nobody's business"}
    found = copy.get_blob_client("large").get_blob_properties()
    assert found.content_settings.content_type == "image/png"
    assert found.content_settings.cache_control == "no-store"
    assert {k.lower(): v for k, v in found.metadata.items()}["own"] == "1"
    assert (
        bytes(found.content_settings.content_md5 or b"")
        == hashlib.md5(large, usedforsecurity=False).digest()
    )

    sides.world.reach.writes = 0
    second = sides.world.run(2, **COPY)
    assert (second["copied"], second["same"]) == (0, len(ODD) + 2)
    assert sides.world.reach.writes == 0

    put(source, "plain.txt", b"other")
    third = sides.world.run(3, **COPY)
    assert (third["copied"], third["same"], third["bytes"]) == (1, len(ODD) + 1, 5)
    assert copy.download_blob("plain.txt").readall() == b"other"
    run = sides.world.store.page(None, "nightly", 0, 10)[0]
    assert [one.counts.copied for one in run] == [1, 0, len(ODD) + 2]
    assert sides.world.store.report(run[0], 0) == [
        {"name": "plain.txt", "did": "copied", "bytes": 5}
    ]


def test_reports_are_so_long_and_a_project_keeps_so_many_bytes_of_them(
    sides: Sides, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = range(1, 5)
    for number in runs:
        put(sides.blobs[0], f"{number}")
        monkeypatch.setattr(store, "MOST_PIECES", 2 if number < 4 else 0)
        sides.world.run(number, **COPY)
        kept = sides.world.store.page(None, "nightly", 0, 10)[0]
        assert len(kept) == (min(number, 2) if number < 4 else 1), "the newest stays in any case"
        assert len(sides.world.store.report(kept[0], 0)) == 1
    monkeypatch.setattr(room, "MOST_BYTES", 1)
    put(sides.blobs[0], "5")
    with pytest.raises(Refused, match="GB of them at most; let fewer syncs run"):
        sides.world.run(5, **COPY)
    assert sides.world.run(6, dry_run=True, **COPY)["same"] == 5


def test_deletions_take_copies_alone_and_stop_where_too_much_would_go(sides: Sides) -> None:
    source, copy = sides.blobs
    for number in range(20):
        put(source, f"{number:02}")
    put(copy, "theirs")
    sides.world.run(1, **COPY)
    for number in range(3):
        source.delete_blob(f"{number:02}")
    kept = sides.world.run(2, **COPY)
    assert (kept["deleted"], len(content(copy))) == (0, 21)
    with pytest.raises(Refused, match=r"3 of 20 copies are gone there, more than max_delete"):
        sides.world.run(3, deletions="delete", **COPY)
    assert len(content(copy)) == 21
    assert sides.world.store.page(None, None, 0, 1)[0][0].status is SyncStatus.FAILED
    would = sides.world.run(4, deletions="delete", max_delete_percent=15, dry_run=True, **COPY)
    assert (would["deleted"], len(content(copy))) == (3, 21)
    done = sides.world.run(5, deletions="delete", max_delete_percent=15, **COPY)
    assert done["deleted"] == 3
    assert set(content(copy)) == set(content(source)) | {"theirs"}
    source.delete_blobs(*content(source))
    with pytest.raises(Refused, match="17 of 17 copies"):
        sides.world.run(6, deletions="delete", max_delete_percent=99, **COPY)
    source.delete_container()
    with pytest.raises(Refused, match="it does not exist"):
        sides.world.run(7, deletions="delete", max_delete_percent=100, **COPY)
    assert len(content(copy)) == 18


def test_what_changes_meanwhile_is_copied_as_it_is_then(sides: Sides) -> None:
    source, copy = sides.blobs
    for name in "abcd":
        put(source, name, b"old")
    changed: set[str] = set()

    def meddle(request: Any) -> None:
        name = request.url.partition("?")[0].rpartition("/")[2]
        if name in changed or name not in "abcd":
            return
        if name == "a" and request.method == "GET":  # changed between listing and reading
            changed.add(name)
            put(source, "a", b"newer")
        if name == "b" and request.method == "PUT":  # somebody writes the copy first
            changed.add(name)
            put(copy, "b", b"theirs")
        if name == "c" and request.method == "GET":
            changed.add(name)
            source.delete_blob("c")
        if name == "d" and request.method == "GET":  # again and again
            put(source, "d", b"x" * len(content(source)["d"]) + b"x")

    sides.world.reach.before = meddle
    result = sides.world.run(**COPY)
    assert (result["copied"], result["changed"]) == (2, 2)
    assert content(copy) == {"a": b"newer", "b": b"old"}
    run = sides.world.store.page(None, None, 0, 1)[0][0]
    said = {line["name"]: line.get("reason") for line in sides.world.store.report(run, 0)}
    assert said["c"] == "it is gone meanwhile"
    assert said["d"] == "it is changed again and again"


def test_bytes_that_were_changed_on_the_way_are_not_written(sides: Sides) -> None:
    source, copy = sides.blobs
    for name in ("good", "torn"):
        put(source, name, b"content")
    wrong = ContentSettings(
        content_md5=bytearray(hashlib.md5(b"other", usedforsecurity=False).digest())
    )
    source.get_blob_client("torn").set_http_headers(wrong)
    with pytest.raises(Refused, match="1 of 2 items failed, first torn: its bytes have the MD5"):
        sides.world.run(1, **COPY)
    assert content(copy) == {"good": b"content"}
    run = sides.world.store.page(None, None, 0, 1)[0][0]
    assert (run.status, run.counts.copied, run.counts.failed) == (SyncStatus.FAILED, 1, 1)
    assert sides.world.run(2, verify="counts", **COPY)["copied"] == 1


def test_watermark_and_key_look_at_what_is_new_alone(sides: Sides) -> None:
    source, copy = sides.blobs
    for name in "ab":
        put(source, name)
    for new, mode in (("y", "watermark"), ("z", "key")):
        sides.world.run(1, mode=mode, **COPY)
        copy.delete_blob("a")  # an older one: nobody looks at it again
        put(source, new)
        done = sides.world.run(2, mode=mode, **COPY)
        assert new in content(copy)
        if mode == "key":
            assert (done["copied"], done["same"]) == (1, 0)
        sides.world.prefix += "x"


def test_a_plan_that_does_not_fit_is_refused_when_it_is_made(sides: Sides) -> None:
    from shared.sync.plan import SyncPlan

    check = sides.world.service.check
    check(SyncPlan(**COPY), None)
    for plan, field, said in (
        ({}, "pair_id", "no targets of the kind pair"),
        ({"source_id": "a", "destination_id": "t"}, "source_id", "nothing is copied from"),
        ({"source_id": "a", "destination_id": "zz"}, "destination_id", "there is no target 'zz'"),
        (COPY | {"table": "x"}, "table", "it is for a sync of a database"),
        (COPY | {"mode": "full"}, "mode", "etag, watermark, key"),
        ({"pair_id": "a"}, "pair_id", "of the kind container"),
    ):
        with pytest.raises(Invalid) as raised:
            check(SyncPlan(**plan), None)
        assert raised.value.field == field
        assert said in raised.value.message
    sides.world.targets.add("p", None, "", kind="pair", source_id="a", destination_id="b")
    check(SyncPlan(), None)
    put(sides.blobs[0], "one")
    assert sides.world.run()["copied"] == 1
    with pytest.raises(Invalid, match="no targets of the kind pair"):
        check(SyncPlan(), 7)  # another project's pair is none of its
