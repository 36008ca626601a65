"""Libraries reach customers' places only through the guarded client: the SDK for blobs, Belfry's
own tables, Git and libpq."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4
from wsgiref.simple_server import WSGIRequestHandler, make_server

import psycopg
import pytest
from dulwich.client import Urllib3HttpGitClient
from dulwich.repo import MemoryRepo, Repo
from dulwich.server import DictBackend
from dulwich.web import make_wsgi_chain

from local.azurite import Azurite
from local.ports import HOST
from local.postgres import USER, Postgres
from shared.app.outgoing import outgoing as outgoing_of
from shared.clock import SystemClock
from shared.errors import Cancelled, Invalid
from shared.outgoing import Blocked, Limits, Rules, TooLarge, Unreachable, allowed
from shared.outgoing.client import Client
from shared.outgoing.postgres import connection
from shared.settings import Secret, StorageAccount, from_env
from shared.storage.connect import Connection
from shared.storage.guarded import guarded
from shared.storage.tables.batch import Insert

LIMITS = Limits(whole=20, body=8_000_000)


def client(*places: str, **more: Any) -> Client:
    return Client(Rules(allowed=allowed(places)), SystemClock(), **more)


@pytest.fixture
def account(azurite: Azurite) -> StorageAccount:
    return StorageAccount(connection_string=Secret(azurite.connection_string))


def test_blobs_and_tables_through_the_guard(account: StorageAccount) -> None:
    here = Connection(account, guarded(client(HOST), LIMITS))
    container = here.container(f"guarded-{uuid4().hex}")
    container.create_container()
    data = bytes(range(256)) * 20_000
    container.upload_blob("bytes", data)
    container.upload_blob("stream", io.BytesIO(data), max_concurrency=2)
    container.upload_blob("pieces", iter([b"a" * 1000] * 10))
    assert container.download_blob("bytes").readall() == data
    assert b"".join(container.download_blob("stream").chunks()) == data
    assert {one.name for one in container.list_blobs()} == {"bytes", "stream", "pieces"}
    here.create_table(name := f"guarded{uuid4().hex}")
    table = here.table(name)
    table.transact("a", [Insert("b", {"x": 1})])
    assert (found := table.get("a", "b")) is not None and found["x"] == 1
    small = Connection(account, guarded(client(HOST), Limits(body=1000)))
    with pytest.raises(TooLarge, match="1,000"):
        small.container(container.container_name).download_blob("bytes").readall()


def test_nothing_goes_past_it(account: StorageAccount) -> None:
    """Not even by the SDK, which tries other errors again."""
    stopped = threading.Event()
    stopped.set()
    for transport, error in (
        (guarded(client(), LIMITS), Blocked),
        (guarded(client(HOST), LIMITS, stop=stopped), Cancelled),
    ):
        here = Connection(account, transport)
        with pytest.raises(error):
            here.container("guarded").create_container()
        with pytest.raises(error):
            here.create_table("guarded")


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[str]:
    """A repository of 300 files, served by HTTP."""
    with Repo.init(tmp_path) as made:
        for number in range(300):
            (tmp_path / f"{number}.py").write_text(f"x = {number}\n" * 20)
        tree = made.get_worktree()
        tree.stage([f"{number}.py" for number in range(300)])
        tree.commit(message=b"all", author=b"a <a@example.com>", committer=b"a <a@example.com>")
        served: dict[str, Any] = {"/": made}
        app = make_wsgi_chain(DictBackend(served))
        with make_server(HOST, 0, app, handler_class=_Quiet) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.02,))
            thread.start()
            yield f"http://{HOST}:{server.server_port}/"
            server.shutdown()
            thread.join()


def test_git_through_the_guard(repository: str) -> None:
    def fetched(limits: Limits, *places: str) -> MemoryRepo:
        pool: Any = client(*places).pool(limits, headers={"User-Agent": "git/belfry"})
        into = MemoryRepo()
        Urllib3HttpGitClient(repository, pool_manager=pool).fetch("/", into, depth=1)
        return into

    assert len(list(fetched(Limits(body=1_000_000, whole=30), HOST).object_store)) == 302
    with pytest.raises(TooLarge):
        fetched(Limits(body=5_000, whole=30), HOST)
    with pytest.raises(Blocked):
        fetched(Limits())
    with pytest.raises(Unreachable):
        fetched(Limits(whole=0), HOST)


def test_libpq_gets_the_checked_addresses_and_looks_nothing_up(postgres: Postgres) -> None:
    asked: list[str] = []

    def resolve(name: str, _port: int) -> list[str]:
        asked.append(name)
        return ["127.0.0.9", HOST]

    port = postgres.port
    one = client("127.0.0.0/8", resolve=resolve)
    given = connection(f"postgresql://{USER}:p%40ss@db.example:{port}/postgres", one)
    assert given["host"] == "db.example,db.example" and given["hostaddr"] == f"127.0.0.9,{HOST}"
    assert (given["sslmode"], given["password"], asked) == ("verify-full", "p@ss", ["db.example"])
    with pytest.raises(psycopg.OperationalError, match="SSL"):
        psycopg.connect(**given)
    with psycopg.connect(**given | {"sslmode": "disable", "password": postgres.password}) as sql:
        assert sql.execute("SELECT 1").fetchone() == (1,)
    with pytest.raises(Blocked):
        connection("postgresql://u:p@db.example/x", client(resolve=resolve))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@db.example/x?hostaddr=127.0.0.1", "postgresql://u@db.example/x?host=/tmp",
        "postgresql://u@db.example/x?service=a", "postgresql://u@db.example/x?passfile=/etc/passwd",
        "postgresql://u@db.example/x?sslkey=/a", "postgresql://u@db.example/x?options=-cx",
        "postgresql://u@/x", "postgresql://u@%2Ftmp/x", "postgresql://u@a,b/x", "mysql://u@a/x",
        "postgresql://u@db.example/", "host=a dbname=x", "postgresql://u@db.example:x/x",
    ],
)  # fmt: skip
def test_what_a_database_url_may_not_say(url: str) -> None:
    with pytest.raises(Invalid, match=r"^url: ") as caught:
        connection(url, client(resolve=lambda *_: ["8.8.8.8"]))
    assert "u:p" not in str(caught.value)


def test_the_app_opens_what_the_setting_says_and_nothing_of_its_own(azurite: Azurite) -> None:
    environ = {
        "AzureWebJobsStorage": azurite.connection_string,
        "BACKUP_STORAGE__accountName": "vaultofbackups",
        "POSTGRES_URL": "postgresql://u:p@inner.corp/x",
        "IDENTITY_ENDPOINT": "http://127.0.0.1:41741/msi/token",
        "OUTGOING_RANGES": "127.0.0.0/8, builds.corp:8080",
        "OUTGOING_PORTS": "443,9443",
    }
    one = outgoing_of(from_env(environ), SystemClock())
    for url in ("http://127.0.0.1:9/", "https://a.example:9443/", "http://builds.corp:8080/"):
        one.hold(url)
    for url in (
        "http://127.0.0.1:41741/x", "https://vaultofbackups.blob.core.windows.net/x",
        "https://inner.corp/", "https://a.example:8443/", "http://10.0.0.1/",
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"own|OUTGOING"):
            one.hold(url)
