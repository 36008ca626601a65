"""What holds passwords is not in a dump: subscriptions, and user mappings of foreign servers."""

from __future__ import annotations

import re
import subprocess
import uuid
from collections.abc import Iterator

import pytest

from local.postgres import Postgres
from shared.backups.model import differences
from shared.backups.postgres.archive import without_passwords
from shared.backups.postgres.source import PostgresSource
from shared.backups.source import Target
from shared.settings import Secret
from tests.context import job_of
from tests.integration.backups.postgres.setup import column, dumped, made, pieces

MAPPED = """
CREATE FOREIGN DATA WRAPPER far;
CREATE SERVER away FOREIGN DATA WRAPPER far OPTIONS (host 'elsewhere');
CREATE SERVER open FOREIGN DATA WRAPPER far;
CREATE USER MAPPING FOR CURRENT_USER SERVER away OPTIONS ("user" 'me', password 's3cret');
CREATE USER MAPPING FOR PUBLIC SERVER away OPTIONS (password E'it''s \\\\ s3cret');
CREATE USER MAPPING FOR PUBLIC SERVER open;
CREATE TABLE pets AS SELECT 1 AS id;
CREATE FOREIGN TABLE afar (id int) SERVER away;
"""


def archived(server: Postgres, url: str) -> bytes:
    """What pg_dump itself writes, of the server's version."""
    command = [str(server.bin / "pg_dump"), "-Fc", "-Z0", "--no-subscriptions", url]
    return subprocess.run(command, check=True, capture_output=True).stdout


def bytewise(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


@pytest.fixture
def url(either: Postgres) -> str:
    return made(
        either,
        MAPPED,
        "CREATE SUBSCRIPTION copied CONNECTION 'host=elsewhere password=s3cret' "
        "PUBLICATION p WITH (connect = false, slot_name = NONE)",
    )


def test_a_dump_holds_no_password_and_its_job_says_what_is_missing(
    url: str, either: Postgres
) -> None:
    job = job_of()
    source = PostgresSource(Secret(url))
    data, dump = dumped(source, job)
    assert b"s3cret" not in data
    assert differences(dump.contents, source.prove(pieces(data), job)) == ""
    left = [line for line in job.log.text().splitlines() if "may hold a password" in line]
    assert all("WARNING" in line for line in left)
    assert [re.findall("entry=(.*)", line)[0].strip("'\"") for line in left] == [
        "SUBSCRIPTION copied",
        "USER MAPPING belfry SERVER away",
        "USER MAPPING public SERVER away",
    ]
    assert "s3cret" not in job.log.text()

    name = f"back{uuid.uuid4().hex[:8]}"
    source.restore(pieces(data), Target(name=name), job)
    mappings = "SELECT srvname || ' ' || usename FROM pg_user_mappings"
    assert column(either.url(name), mappings) == ["open public"]


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_all_else_passes_as_it_is(url: str, either: Postgres, size: int) -> None:
    """Of what each pg_dump writes, however it comes."""
    whole, told = archived(either, url), list[str]()
    assert whole.count(b"s3cret") == 2
    passed = b"".join(without_passwords(bytewise(whole, size), told.append))
    assert len(told) == 2
    definitions = re.findall(
        rb"CREATE USER MAPPING FOR \S+ SERVER away OPTIONS \(.*?\n\);\n", whole, re.DOTALL
    )
    expected = whole
    for one in definitions:
        length = bytes([0]) + len(one).to_bytes(4, "little")
        assert expected.count(length + one) == 1
        expected = expected.replace(length + one, bytes(5))
    assert len(definitions) == 2
    assert passed == expected


@pytest.mark.parametrize(
    "data",
    [b"", b"PGDM", b"PGDMP", b"PGDMP\x01\x0d\x00 and more", b"PGDMP\x01\x11\x00\x04\x08\x01"],
)
def test_what_is_no_archive_that_is_known_passes(data: bytes) -> None:
    assert b"".join(without_passwords(bytewise(data, 3), lambda _: None)) == data


def test_an_archive_that_breaks_off_ends(url: str, either: Postgres) -> None:
    """And what it became is a beginning of what the whole becomes."""
    whole = archived(either, url)
    passed = b"".join(without_passwords(iter([whole]), lambda _: None))
    for length in range(0, 3000, 37):
        part = b"".join(without_passwords(iter([whole[:length]]), lambda _: None))
        assert passed.startswith(part) and len(part) <= length
