"""The container's side: what fails there, what is changed there, what a killed run leaves there."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.storage.blob import ContainerClient, generate_container_sas

from local import ports
from local.azurite import ACCOUNT, KEY
from shared.backups.service import Backups
from shared.backups.sqlite import SqliteSource
from shared.errors import Damaged, Misconfigured, Refused, Unavailable
from tests.context import job_of
from tests.integration.backups.setup import Meddled, Shelf


@dataclass(frozen=True)
class ReadOnly(Shelf):
    """The same container for one who may only read and list."""

    def open(self) -> ContainerClient:
        with Shelf(self.connection_string, self.name).open() as container:
            token = generate_container_sas(
                ACCOUNT,
                self.name,
                account_key=KEY,
                permission="rl",
                expiry=datetime.now(UTC) + timedelta(hours=1),
            )
            return ContainerClient.from_container_url(f"{container.url}?{token}")


def test_a_container_that_may_not_be_written(shelf: Shelf, database: SqliteSource) -> None:
    with shelf.open() as container:
        container.create_container()
    read_only = ReadOnly(shelf.connection_string, shelf.name)
    with pytest.raises(Refused, match=rf"blob storage \(container {shelf.name}\): no permission"):
        read_only.take(database)
    assert shelf.everything() == []


def test_storage_that_is_down(database: SqliteSource) -> None:
    (port,) = ports.free(1)

    def nowhere() -> ContainerClient:
        url = f"http://127.0.0.1:{port}/{ACCOUNT}/backups"
        return ContainerClient.from_container_url(url, credential=KEY, retry_total=0)

    with pytest.raises(Unavailable, match=r"blob storage \(container backups\): did not answer"):
        Backups(nowhere, {"database": lambda: database}).take("database", job_of())


def test_an_unknown_source(shelf: Shelf, database: SqliteSource) -> None:
    with pytest.raises(Misconfigured, match="no backup source 'mongo'; there are database"):
        Backups(shelf.open, {"database": lambda: database}).take("mongo", job_of())
    assert shelf.everything() == []


def overwrite(shelf: Shelf) -> Callable[[], None]:
    def act() -> None:
        with shelf.open() as container:
            (name,) = container.list_blob_names()
            found = container.get_blob_client(name).get_blob_properties()
            container.upload_blob(name, b"other", overwrite=True, metadata=found.metadata)

    return act


def test_a_blob_that_is_overwritten_before_it_is_read_back(
    shelf: Shelf, database: SqliteSource
) -> None:
    with pytest.raises(Damaged, match=r"bytes were sent, 5 came back .*kept as company/"):
        shelf.take(Meddled(database, after_upload=overwrite(shelf)))
    assert list(shelf.blobs().values()) == ["false"]
    assert [item.verified for item in shelf.manifests("company")] == [False]


def change_blob(shelf: Shelf, *, delete: bool = False) -> Callable[[], None]:
    """Changes or removes the blob, not its manifest."""

    def act() -> None:
        (name,) = shelf.blobs()
        with shelf.open() as container:
            if delete:
                container.delete_blob(name)
            else:
                blob = container.get_blob_client(name)
                blob.upload_blob(
                    blob.download_blob().readall(), overwrite=True, metadata={"verified": "false"}
                )

    return act


@pytest.mark.parametrize("delete", [False, True])
def test_a_blob_that_changes_after_it_was_restored_is_not_marked(
    shelf: Shelf, database: SqliteSource, delete: bool
) -> None:
    act = change_blob(shelf, delete=delete)

    def counts(restored: object) -> object:
        act()
        return restored

    with pytest.raises(Damaged, match="was changed or removed while"):
        shelf.take(Meddled(database, counts=counts))  # type: ignore[arg-type]
    assert set(shelf.blobs().values()) <= {"false"}
    assert [item.verified for item in shelf.manifests("company")] == [False]


def test_counts_that_differ_are_damage(shelf: Shelf, database: SqliteSource) -> None:
    source = Meddled(database, counts=lambda counts: {**counts, "users": 999})
    said = "table users had 1000 rows in the source and 999 rows when restored"
    with pytest.raises(Damaged, match=said):
        shelf.take(source)
    assert list(shelf.blobs().values()) == ["false"]
    assert [item.verified for item in shelf.manifests("company")] == [False]


def test_the_next_attempt_removes_what_did_not_prove_and_nothing_else(
    shelf: Shelf, database: SqliteSource
) -> None:
    other = replace(job_of(), job_id="another")
    wrong = Meddled(database, counts=lambda _: {})
    for job in (job_of(), other):
        with pytest.raises(Damaged):
            shelf.take(wrong, job)
    manifest = shelf.take(database, job_of(attempt=2))
    left = {item.job_id: item.verified for item in shelf.manifests("company")}
    assert left == {manifest["job_id"]: True, "another": False}
    assert sorted(shelf.blobs().values()) == ["false", "true"]


def test_a_manifest_that_cannot_be_read_is_named(shelf: Shelf, database: SqliteSource) -> None:
    manifest = shelf.take(database)
    with shelf.open() as container:
        name = f"{manifest['blob']}.manifest.json"
        container.upload_blob(name, b"[]", overwrite=True)
    with pytest.raises(Damaged, match=r"company-.*\.manifest\.json is not a manifest"):
        shelf.manifests("company")


@pytest.mark.parametrize(
    ("step", "left"), [("in_dump", []), ("in_restore", ["false"])], ids=["uploading", "proving"]
)
def test_a_killed_run_leaves_nothing_that_looks_proved(
    shelf: Shelf, database: SqliteSource, company: Path, step: str, left: list[str]
) -> None:
    command = [sys.executable, "-m", "tests.integration.backups.killed"]
    command += [shelf.connection_string, shelf.name, str(company), step]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, cwd=Path(__file__).parents[3]) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"here\n"
        run.send_signal(signal.SIGKILL)
    assert list(shelf.blobs().values()) == left
    manifest = shelf.take(database, job_of(attempt=2))
    assert shelf.blobs() == {manifest["blob"]: "true"}
    assert len(shelf.everything()) == 2
    assert not list(company.parent.glob("belfry-*"))
