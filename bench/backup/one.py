"""One measurement, told on standard input and answered on standard output, both as JSON.

Run as a program: so its peak memory is its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import psutil  # type: ignore[import-untyped]

_CONTAINER = "bench"


def act(order: dict[str, Any]) -> dict[str, float]:
    """Do what the order says; the figures."""
    ways: dict[str, Callable[[dict[str, Any]], dict[str, float]]] = {
        "belfry": belfry,
        "file": to_file,
        "pipe": pipe,
        "naive": naive,
        "upload": upload_alone,
    }
    with _children() as peaks:
        figures = ways[order["way"]](order)
    return figures | {"peak": peak_of("self"), "children": sum(peaks.values())}


def belfry(order: dict[str, Any]) -> dict[str, float]:
    """The chain: source, codec, stream; then the proof."""
    import pyrage

    from shared.backups.model import differences
    from shared.backups.source import Source
    from shared.backups.store.codec import Codec
    from shared.backups.store.encryption import Seal
    from shared.settings import Secret
    from shared.storage.blobs import stream, upload
    from tests.context import job_of

    def source() -> Source:
        from shared.backups.postgres.source import PostgresSource
        from shared.backups.sqlite.source import SqliteSource

        if order["engine"] == "sqlite":
            return SqliteSource(Path(order["place"]), temp=Path(order["folder"]))
        return PostgresSource(Secret(order["place"]), folder=Path(order["bin"]))

    job, key = job_of(), Secret(str(pyrage.x25519.Identity.generate()))
    codec = Codec(order["compression"], Seal(key) if order["encrypt"] else None)
    with _container(order["storage"]) as container:
        blob = container.get_blob_client(uuid.uuid4().hex)
        began = time.perf_counter()
        with source().dump(job) as dump:
            encoded = codec.encode(dump.chunks, job.check)
            staged = upload.stage(blob, iter(encoded), job.check)
        staged.commit({"backup_id": blob.blob_name})
        stored = staged.stored
        seconds, uploaded = time.perf_counter() - began, peak_of("self")
        began = time.perf_counter()
        etag = stream.read_back(blob, stored.bytes, stored.sha256, job.check)
        read = time.perf_counter() - began
        with (
            closing(stream.pieces(blob, etag, stored.bytes, job.check)) as pieces,
            closing(codec.decode(pieces, job.check)) as chunks,
        ):
            assert not differences(dump.contents, source().prove(chunks, job))
        proof = time.perf_counter() - began
        blob.delete_blob()
    return {
        "seconds": seconds,
        "size": encoded.taken,
        "stored": stored.bytes,
        "uploaded_peak": uploaded,
        "read_back": read,
        "proof": proof,
    }


def to_file(order: dict[str, Any]) -> dict[str, float]:
    """A program that writes a file."""
    began = time.perf_counter()
    subprocess.run(order["command"], check=True, env=order["env"])
    return {
        "seconds": time.perf_counter() - began,
        "stored": Path(order["file"]).stat().st_size,
    }


def upload_alone(order: dict[str, Any]) -> dict[str, float]:
    """That file, by the SDK's `upload_blob`."""
    with _container(order["storage"]) as container:
        blob = container.get_blob_client(uuid.uuid4().hex)
        began = time.perf_counter()
        with Path(order["file"]).open("rb") as file:
            blob.upload_blob(file)
        seconds = time.perf_counter() - began
        blob.delete_blob()
    return {"seconds": seconds, "stored": Path(order["file"]).stat().st_size}


def pipe(order: dict[str, Any]) -> dict[str, float]:
    """What a good engineer would type: programs in a pipe, whose end the SDK uploads; and the way
    back, by which it could be proved: downloaded, and restored."""
    with _container(order["storage"]) as container:
        blob = container.get_blob_client(uuid.uuid4().hex)
        began = time.perf_counter()
        with _piped(order["command"], order["env"]) as (_, out):
            blob.upload_blob(out)
        seconds, uploaded = time.perf_counter() - began, peak_of("self")
        stored = blob.get_blob_properties().size
        began = time.perf_counter()
        with _piped(order["back"], order["env"]) as (into, _):
            for chunk in blob.download_blob().chunks():
                into.write(chunk)
        proof = time.perf_counter() - began
        blob.delete_blob()
    return {"seconds": seconds, "stored": stored, "uploaded_peak": uploaded, "proof": proof}


@contextmanager
def _piped(commands: list[list[str]], env: dict[str, str]) -> Iterator[tuple[Any, Any]]:
    """(what the first of the programs reads, what the last writes)."""
    running: list[subprocess.Popen[bytes]] = []
    for command in commands:
        source = running[-1].stdout if running else subprocess.PIPE
        running.append(
            subprocess.Popen(command, stdin=source, stdout=subprocess.PIPE, env=os.environ | env)
        )
    yield running[0].stdin, running[-1].stdout
    first = running[0].stdin
    assert first is not None
    first.close()
    assert [one.wait() for one in running] == [0] * len(running)


def naive(order: dict[str, Any]) -> dict[str, float]:
    """Both, one after the other."""
    first, second = to_file(order), upload_alone(order)
    return second | {"seconds": first["seconds"] + second["seconds"]}


@contextmanager
def _container(storage: str) -> Iterator[Any]:
    from azure.core.exceptions import ResourceExistsError

    from shared.settings import Secret, StorageAccount
    from shared.storage.connect import Connection

    account = StorageAccount(connection_string=Secret(storage))
    with Connection(account).container(_CONTAINER) as container:
        with suppress(ResourceExistsError):
            container.create_container()
        yield container


def peak_of(process: int | str) -> int:
    """Bytes at the most so far. Not `ru_maxrss`: that begins with what the parent had."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(found[0]) * 1024 if found else 0


@contextmanager
def _children() -> Iterator[dict[int, int]]:
    """The peak of each program that this process starts."""
    peaks: dict[int, int] = {}
    over = threading.Event()

    def look() -> None:
        here = psutil.Process()
        while not over.wait(0.05):
            for child in here.children(recursive=True):
                peaks[child.pid] = max(peaks.get(child.pid, 0), peak_of(child.pid))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield peaks
    finally:
        over.set()
        watcher.join()


if __name__ == "__main__":
    print(json.dumps(act(json.load(sys.stdin))))
