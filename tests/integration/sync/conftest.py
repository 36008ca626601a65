"""Syncs on real Azurite and real PostgreSQL."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from azure.data.tables import TableClient, TableServiceClient
from azure.storage.blob import BlobServiceClient, ContainerClient

from local.azurite import Azurite
from local.postgres import Postgres
from shared.resources.targets import TargetKind
from tests.forked import Commands
from tests.integration.sync.world import World

_numbers = itertools.count()


@dataclass
class Sides:
    """A world with a source and a destination of each kind, empty."""

    world: World
    blobs: list[ContainerClient] = field(default_factory=list)
    tables: list[TableClient] = field(default_factory=list)


@pytest.fixture
def sides(azurite: Azurite) -> Sides:
    """Targets `a` and `b` (containers), `s` and `t` (tables)."""
    number, text = next(_numbers), azurite.connection_string
    made = Sides(World(text, f"sync{number}"))
    containers = BlobServiceClient.from_connection_string(text)
    tables = TableServiceClient.from_connection_string(text)
    for target, (name, kind) in {
        "a": (f"source{number}", TargetKind.CONTAINER),
        "b": (f"copy{number}", TargetKind.CONTAINER),
        "s": (f"source{number}", TargetKind.TABLE),
        "t": (f"copy{number}", TargetKind.TABLE),
    }.items():
        if kind is TargetKind.CONTAINER:
            made.blobs.append(containers.create_container(name))
            made.world.place(target, kind, container=name)
        else:
            made.tables.append(tables.create_table(name))
            made.world.place(target, kind, table=name)
    return made


@pytest.fixture
def database(postgres: Postgres, sides: Sides) -> Iterator[psycopg.Connection[Any]]:
    """A database of its own, which is the target `d`."""
    name = f"sync_{next(_numbers)}"
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
    sides.world.place("d", TargetKind.SQL, postgres.url(name))
    with psycopg.connect(postgres.url(name), autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def dying() -> Iterator[Commands]:
    """What runs `python -m tests.integration.sync`."""
    needed = ("shared.sync.container", "shared.sync.table", "shared.sync.database", "psycopg")
    made = Commands("tests.integration.sync", (*needed, "azure.storage.blob"))
    yield made
    made.close()
