"""A ledger that is written all along: what is restored is of one instant."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from local.postgres import Postgres
from shared.backups.model import differences
from shared.backups.postgres.source import PostgresSource
from shared.backups.source import Target
from shared.settings import Secret
from tests.context import job_of
from tests.integration.backups.postgres.setup import changed, column, made, pieces

ACCOUNTS, START, WRITERS = 50, 1000, 3
LEDGER = f"""
CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL);
CREATE TABLE transfers (id bigserial PRIMARY KEY, source int, target int, amount int NOT NULL);
CREATE TABLE weight AS
    SELECT n, repeat(md5(n::text), 20) AS filler FROM generate_series(1, 20000) n;
INSERT INTO accounts SELECT n, {START} FROM generate_series(0, {ACCOUNTS - 1}) n;
"""
LOCK = "SELECT 1 FROM accounts WHERE id IN (%(a)s, %(b)s) ORDER BY id FOR UPDATE"
MOVE = """
WITH moved AS (INSERT INTO transfers (source, target, amount) VALUES (%(a)s, %(b)s, %(n)s))
UPDATE accounts SET balance = balance + CASE id WHEN %(a)s THEN - %(n)s ELSE %(n)s END
WHERE id IN (%(a)s, %(b)s)
"""
TOTAL = "SELECT sum(balance) FROM accounts"
AT_ODDS = f"""
SELECT a.id FROM accounts a WHERE balance <> {START}
    + coalesce((SELECT sum(amount) FROM transfers WHERE target = a.id), 0)
    - coalesce((SELECT sum(amount) FROM transfers WHERE source = a.id), 0)
"""


@contextmanager
def written(url: str) -> Iterator[threading.Semaphore]:
    """Writers move amounts from account to account, and release the semaphore for each."""
    moves, over = threading.Semaphore(0), threading.Event()
    failed: list[BaseException] = []

    def write(number: int) -> None:
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                step = number
                while not over.is_set():
                    step += WRITERS
                    low, high = sorted((step % ACCOUNTS, (step * 7 + 1) % ACCOUNTS))
                    if low != high:
                        with connection.transaction():
                            connection.execute(LOCK, {"a": low, "b": high})
                            connection.execute(MOVE, {"a": low, "b": high, "n": step % 9 + 1})
                        moves.release()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    try:
        yield moves
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert failed == []


def awaited(moves: threading.Semaphore, count: int = 20) -> None:
    """That many more transfers."""
    for _ in range(count):
        assert moves.acquire(timeout=30)


def test_a_dump_beside_writers_is_of_one_instant(either: Postgres) -> None:
    url = made(either, LEDGER)
    source = PostgresSource(Secret(url))
    with written(url) as moves:
        awaited(moves)
        with source.dump(job_of()) as dump:
            awaited(moves)
            parts = []
            for chunk in dump.chunks:
                parts.append(chunk)
                awaited(moves, 5)
            data = b"".join(parts)
        done = source.restore(pieces(data), Target(), job_of())
        assert differences(dump.contents, source.prove(pieces(data), job_of())) == ""
    copy = changed(url, dbname=done.name)
    assert differences(dump.contents, done.contents) == ""
    assert column(copy, TOTAL) == [str(ACCOUNTS * START)]
    assert column(copy, AT_ODDS) == []
    count = "SELECT count(*) FROM transfers"
    assert column(copy, count) == [str(dump.contents.tables["public.transfers"])]
    assert 20 <= int(column(copy, count)[0]) < int(column(url, count)[0])
    assert int(column(copy, "INSERT INTO transfers (amount) VALUES (0) RETURNING id")[0]) > 20
