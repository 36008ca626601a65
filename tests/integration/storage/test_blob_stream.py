"""Streams into a real container and out of it, while storage fails, goes away and comes back."""

from __future__ import annotations

import base64
import hashlib
import logging
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from azure.storage.blob import BlobClient, ContainerClient

from local import azurite as local_azurite
from local.azurite import Azurite
from shared.backups.store.codec import Codec
from shared.errors import BelfryError, Cancelled, Conflict, Damaged, Unavailable
from shared.settings import Secret, StorageAccount
from shared.storage import connect
from shared.storage.blobs import blocks, stream
from shared.storage.blobs.stream import Stored, pieces, read_back, text, write_once
from shared.storage.blobs.upload import copy, stage
from shared.storage.connect import Connection
from tests.faults import Cut, FaultProxy, LoseAnswer, Refuse, Reset, Throttle
from tests.faults.request import Request

BLOCK = 256 * 1024
CONTENT = os.urandom(5 * BLOCK + 1000)
"""Six blocks, that do not compress."""
PIECE = BLOCK // 4


def go_on() -> None:
    """A job that nobody stops."""


def said(stored: Stored) -> dict[str, str]:
    return {"of": stored.sha256[:16]}


def given(content: bytes = CONTENT) -> Iterator[bytes]:
    return (content[at : at + PIECE] for at in range(0, len(content), PIECE))


@pytest.fixture
def proxy(azurite: Azurite) -> Iterator[FaultProxy]:
    with FaultProxy(azurite.connection_string) as proxy:
        yield proxy


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the SDK nor we wait long before we try again; and blocks are small."""
    monkeypatch.setattr(stream, "BLOCK", BLOCK)
    pauses = {"retry_total": 1, "initial_backoff": 0, "increment_base": 0, "random_jitter_range": 0}
    monkeypatch.setattr(connect, "_BLOBS", pauses)
    monkeypatch.setattr(blocks, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(blocks, "_LONGEST_PAUSE", 0.05)


def opened(connection_string: str) -> ContainerClient:
    """A new container, as the app opens it."""
    account = StorageAccount(connection_string=Secret(connection_string))
    container = Connection(account).container(f"s{uuid.uuid4().hex[:12]}")
    container.create_container()
    return container


@pytest.fixture
def container(proxy: FaultProxy, quick: None) -> Iterator[ContainerClient]:
    with opened(proxy.connection_string) as container:
        yield container
    assert not [
        thread for thread in threading.enumerate() if thread.name.startswith("belfry-blocks")
    ]


@pytest.fixture
def blob(container: ContainerClient) -> BlobClient:
    return container.get_blob_client("company/one.zst")


def put(
    blob: BlobClient,
    pieces: Iterator[bytes] | None = None,
    check: Callable[[], None] = go_on,
    *,
    tier: str | None = None,
) -> Stored:
    staged = stage(blob, given() if pieces is None else pieces, check)
    staged.commit(said(staged.stored), tier=tier)
    return staged.stored


def is_whole(blob: BlobClient, stored: Stored) -> bool:
    etag = read_back(blob, stored.bytes, stored.sha256, go_on)
    return b"".join(pieces(blob, etag, stored.bytes)) == CONTENT


def visible(container: ContainerClient) -> list[str]:
    return list(container.list_blob_names())


def test_a_blob_is_what_was_given_and_says_so(blob: BlobClient, proxy: FaultProxy) -> None:
    stored = put(blob, tier="Cool")
    assert stored.bytes == len(CONTENT)
    assert stored.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert is_whole(blob, stored)
    found = blob.get_blob_properties()
    assert found.content_settings.content_type == "application/octet-stream"
    assert found.blob_tier == "Cool"
    assert found.metadata == said(stored)
    assert proxy.counts()["blob"]["PUT block"] == 6


def test_requests_to_blobs_write_no_lines(
    blob: BlobClient, caplog: pytest.LogCaptureFixture
) -> None:
    """By default Microsoft's client writes two long ones for each, which a bill for logs shows."""
    caplog.set_level(logging.INFO)
    assert is_whole(blob, put(blob))
    assert [record for record in caplog.records if record.name.startswith("azure")] == []


def test_what_is_staged_and_never_committed_is_no_blob(
    blob: BlobClient, container: ContainerClient, proxy: FaultProxy
) -> None:
    stage(blob, given(), go_on)
    assert proxy.counts()["blob"]["PUT block"] == 6
    assert visible(container) == []
    stored = put(blob)
    assert is_whole(blob, stored)


def test_an_empty_blob(blob: BlobClient) -> None:
    stored = put(blob, iter([]))
    etag = read_back(blob, 0, stored.sha256, go_on)
    assert list(pieces(blob, etag, 0)) == []


@pytest.mark.parametrize(("compression", "key"), [("zstd", False), ("gzip", True)])
def test_a_dump_goes_there_and_back(blob: BlobClient, compression: str, key: bool) -> None:
    import pyrage

    from shared.backups.store.encryption import Seal

    seal = Seal(Secret(str(pyrage.x25519.Identity.generate()))) if key else None
    codec = Codec(compression, seal)
    encoded = codec.encode(given(), go_on)
    stored = put(blob, iter(encoded))
    assert encoded.taken == len(CONTENT)
    etag = read_back(blob, stored.bytes, stored.sha256, go_on)
    with closing(pieces(blob, etag, stored.bytes)) as read:
        assert b"".join(codec.decode(read, go_on)) == CONTENT


def test_storage_that_goes_away_in_mid_upload_and_comes_back(
    blob: BlobClient, proxy: FaultProxy
) -> None:
    away = proxy.rules.add(Reset(), operation="block", skip=1)
    made: list[int] = []
    met = threading.Event()

    def dump() -> Iterator[bytes]:
        for number, piece in enumerate(given()):
            made.append(number)
            yield piece

    def check() -> None:
        if away.fired > 20:
            met.set()

    def comes_back() -> None:
        assert met.wait(30)
        waits_with.append(len(made))
        proxy.rules.remove(away)

    waits_with: list[int] = []
    back = threading.Thread(target=comes_back)
    back.start()
    stored = put(blob, dump(), check)
    back.join()
    assert is_whole(blob, stored)
    assert made == list(range(len(list(given()))))  # dumped once
    assert waits_with[0] < len(made)  # and it waited
    staged = [entry.path for entry in proxy.log.entries if entry.operation == "block"]
    done = [
        entry.path
        for entry in proxy.log.entries
        if entry.operation == "block" and entry.status == 201
    ]
    assert len(done) == len(set(done)) == 6  # what was staged was not staged again
    assert len(staged) > 20


@pytest.mark.usefixtures("quick")
def test_azurite_itself_ends_and_begins_again(tmp_path: Path) -> None:
    """What is staged stays staged, so the upload goes on where it was."""
    half, ended, missed = (threading.Event() for _ in range(3))

    def dump() -> Iterator[bytes]:
        for number, piece in enumerate(given()):
            if number == 2 * 4:
                half.set()
                assert ended.wait(30)
            yield piece

    def check() -> None:
        if ended.is_set() and threading.current_thread().name.startswith("belfry-blocks"):
            missed.set()  # a block waits

    first = local_azurite.start(tmp_path)
    with opened(first.connection_string) as container, ThreadPoolExecutor(1) as pool:
        blob = container.get_blob_client("one.zst")
        under_way = pool.submit(put, blob, dump(), check)
        assert half.wait(30)
        first.stop()
        ended.set()
        assert missed.wait(30)
        with local_azurite.start(tmp_path, ports=first.ports):
            assert is_whole(blob, under_way.result())


def test_storage_that_is_away_too_long(
    blob: BlobClient, container: ContainerClient, proxy: FaultProxy
) -> None:
    away = proxy.rules.add(Refuse(), method="PUT", operation="block", skip=1)
    taken: list[bytes] = []

    def dump() -> Iterator[bytes]:
        for piece in given():
            taken.append(piece)
            yield piece

    with pytest.raises(Unavailable, match=r"blob storage \(container s\w+\): answered 500"):
        stage(blob, dump(), go_on, patience=0.2)
    assert away.fired > 2
    assert len(taken) < len(list(given()))
    assert visible(container) == []


def test_a_refusal_ends_it_at_once(
    blob: BlobClient, container: ContainerClient, proxy: FaultProxy
) -> None:
    no = proxy.rules.add(Refuse(403, "AuthorizationFailure"), operation="block", skip=1)
    with pytest.raises(BelfryError, match="no permission"):
        put(blob)
    assert no.fired <= 2  # those under way
    assert visible(container) == []


def test_a_job_that_is_stopped_waits_no_longer(
    blob: BlobClient, container: ContainerClient, proxy: FaultProxy
) -> None:
    away = proxy.rules.add(Refuse(), operation="block")

    def check() -> None:
        if away.fired > 3:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        put(blob, given(), check)
    assert visible(container) == []


@pytest.mark.parametrize(
    "fault",
    [LoseAnswer(), Refuse(when="after"), Reset("after"), Cut(), Throttle(0)],
    ids=lambda fault: f"{fault.kind} {fault.when}",
)
@pytest.mark.parametrize("operation", ["block", "blocklist"])
def test_an_answer_that_is_lost(
    blob: BlobClient, proxy: FaultProxy, operation: str, fault: LoseAnswer
) -> None:
    lost = proxy.rules.add(fault, times=3, method="PUT", operation=operation)
    stored = put(blob)
    assert lost.fired == 3
    assert is_whole(blob, stored)


def test_a_block_that_is_damaged_on_the_way_is_sent_again(
    blob: BlobClient, proxy: FaultProxy
) -> None:
    damaged = proxy.rules.add(Refuse(400, "Md5Mismatch"), times=1, operation="block")
    stored = put(blob)
    assert damaged.fired == 1
    assert is_whole(blob, stored)


def test_each_block_goes_with_its_md5(blob: BlobClient, proxy: FaultProxy) -> None:
    seen: list[tuple[str, bytes]] = []

    def note(request: Request) -> bool:
        body = hashlib.md5(request.body, usedforsecurity=False).digest()
        seen.append((request.headers.get("content-md5", ""), body))
        return False

    proxy.rules.add(Refuse(), where=note, operation="block")
    put(blob)
    assert len(seen) == 6
    assert all(base64.b64decode(told) == body for told, body in seen)


def test_another_blob_is_not_replaced(blob: BlobClient) -> None:
    blob.upload_blob(b"other", metadata={"of": "another"})
    with pytest.raises(Conflict, match=r"already another blob company/one\.zst"):
        put(blob)
    assert text(blob) == b"other"


def test_a_blob_of_the_same_metadata_and_other_content_is_another(blob: BlobClient) -> None:
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    blob.upload_blob(b"other", metadata={"of": sha256[:16]})
    with pytest.raises(Conflict):
        put(blob)


def test_storage_that_goes_away_while_it_is_read(blob: BlobClient, proxy: FaultProxy) -> None:
    stored = put(blob)
    for fault in (Refuse(), Reset(), LoseAnswer(), Cut()):
        away = proxy.rules.add(fault, times=5, method="GET", skip=2)
        assert is_whole(blob, stored)
        assert away.fired == 5
        proxy.rules.remove(away)


def test_storage_that_is_away_too_long_while_it_is_read(
    blob: BlobClient, proxy: FaultProxy
) -> None:
    stored = put(blob)
    proxy.rules.add(Refuse(), method="GET", skip=2)
    with pytest.raises(Unavailable, match="answered 500"):
        read_back(blob, stored.bytes, stored.sha256, go_on, patience=0.1)


def test_what_differs_is_damage(blob: BlobClient) -> None:
    stored = put(blob)
    changed = bytearray(CONTENT)
    changed[len(changed) // 2] ^= 1
    blob.upload_blob(bytes(changed), overwrite=True)
    with pytest.raises(Damaged, match=f"SHA-256 was {stored.sha256} when sent"):
        read_back(blob, stored.bytes, stored.sha256, go_on)
    blob.upload_blob(CONTENT[:-1], overwrite=True)
    with pytest.raises(Damaged, match=f"{len(CONTENT)} bytes were sent, {len(CONTENT) - 1} are"):
        read_back(blob, stored.bytes, stored.sha256, go_on)
    blob.delete_blob()
    with pytest.raises(Damaged, match="is gone"):
        read_back(blob, stored.bytes, stored.sha256, go_on)


def overwrite(blob: BlobClient) -> None:
    blob.upload_blob(CONTENT, overwrite=True)


def remove(blob: BlobClient) -> None:
    blob.delete_blob()


@pytest.mark.parametrize(("act", "word"), [(overwrite, "overwritten"), (remove, "gone|removed")])
def test_a_blob_that_changes_after_it_was_read_back(
    blob: BlobClient, act: Callable[[BlobClient], None], word: str
) -> None:
    stored = put(blob)
    etag = read_back(blob, stored.bytes, stored.sha256, go_on)
    act(blob)
    with pytest.raises(Damaged, match=word):
        b"".join(pieces(blob, etag, stored.bytes))


@pytest.mark.parametrize(("act", "word"), [(overwrite, "overwritten"), (remove, "gone|removed")])
def test_a_blob_that_changes_while_it_is_read(
    blob: BlobClient, act: Callable[[BlobClient], None], word: str
) -> None:
    stored = put(blob)
    etag = read_back(blob, stored.bytes, stored.sha256, go_on)
    read = pieces(blob, etag, stored.bytes)
    next(read)
    act(blob)
    with pytest.raises(Damaged, match=word):
        b"".join(read)


def test_a_copy(blob: BlobClient, container: ContainerClient, proxy: FaultProxy) -> None:
    stored = put(blob)
    other = container.get_blob_client("elsewhere/one.zst")
    for fault in (Refuse(), LoseAnswer(), Cut()):
        proxy.rules.add(fault, rate=0.3, times=4, service="blob")
    etag = copy(blob, other, stored.bytes, stored.sha256, said(stored), go_on, tier="Cool")
    found = other.get_blob_properties()
    assert (found.etag, found.blob_tier, found.metadata) == (etag, "Cool", said(stored))
    assert is_whole(other, stored)
    again = copy(blob, other, stored.bytes, stored.sha256, said(stored), go_on)
    assert again == etag  # the same is there already


def test_a_copy_of_what_is_not_what_it_was(blob: BlobClient, container: ContainerClient) -> None:
    stored = put(blob)
    changed = bytearray(CONTENT)
    changed[-1] ^= 1
    blob.upload_blob(bytes(changed), overwrite=True)
    other = container.get_blob_client("elsewhere/one.zst")
    with pytest.raises(Damaged, match=r"company/one\.zst: SHA-256 was"):
        copy(blob, other, stored.bytes, stored.sha256, said(stored), go_on)
    blob.upload_blob(b"", overwrite=True)
    with pytest.raises(Damaged, match=r"company/one\.zst: .* bytes were sent, 0 are there"):
        copy(blob, other, stored.bytes, stored.sha256, said(stored), go_on)
    blob.delete_blob()
    with pytest.raises(Damaged, match=r"company/one\.zst is gone"):
        copy(blob, other, stored.bytes, stored.sha256, said(stored), go_on)
    assert visible(container) == []


def test_small_blobs_are_written_once(container: ContainerClient, proxy: FaultProxy) -> None:
    blob = container.get_blob_client("company/one.manifest.json")
    lost = proxy.rules.add(LoseAnswer(), times=2, method="PUT", operation="blob")
    write_once(blob, b"{}", {"of": "one"}, patience=10)
    assert lost.fired == 2
    assert text(blob) == b"{}"
    found = blob.get_blob_properties()
    assert found.metadata == {"of": "one"}
    assert found.content_settings.content_type == "application/json"
    write_once(blob, b"{}", {"of": "one"})
    with pytest.raises(Conflict, match="already another blob"):
        write_once(blob, b"[]", {"of": "one"})
    assert text(blob) == b"{}"
    proxy.rules.add(Refuse(), method="PUT")
    with pytest.raises(Unavailable):
        write_once(container.get_blob_client("two"), b"{}", {})


def test_a_small_blob_that_is_gone_or_large(
    container: ContainerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob = container.get_blob_client("company/one.manifest.json")
    with pytest.raises(Damaged, match="is gone"):
        text(blob)
    write_once(blob, b"12345", {})
    monkeypatch.setattr(stream, "_SMALL", 4)
    with pytest.raises(Damaged, match="has 5 bytes"):
        text(blob)
