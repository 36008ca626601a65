"""What every store of secrets promises: an encrypted row, and an Azure Key Vault over TLS."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from local.azurite import Azurite
from shared.clock import ManualClock
from shared.errors import Damaged, Misconfigured, Refused, Unavailable
from shared.identity import tokens
from shared.secrets.choice import SEALED, VAULT, Secrets
from shared.secrets.port import Owner, SecretStore
from shared.secrets.sealed import SealedSecrets
from shared.secrets.sealing import Seal
from shared.secrets.vault import VaultSecrets
from shared.settings import Secret, StorageAccount
from shared.storage.connect import Connection
from shared.storage.vault import Vault
from tests.certificate import make as certificate
from tests.integration.engine.conftest import START
from tests.vendors.entra import identity
from tests.vendors.keyvault import RESOURCE, KeyVault, key_vault

OLD, NEW = (f"{letter}{'A' * 42}=" for letter in "AB")
HOOK = Owner(kind="webhook", id="15", project_id=1)
OTHER = Owner(kind="webhook", id="15", project_id=2)
VALUES = {"url": Secret("https://example.com/s3cr3t"), "signing_key": Secret("whsec_ü😀")}
_tables = itertools.count()


@pytest.fixture
def connection(azurite: Azurite) -> Connection:
    return Connection(StorageAccount(connection_string=Secret(azurite.connection_string)))


@pytest.fixture
def table(connection: Connection) -> str:
    name = f"secrets{next(_tables)}"
    connection.create_table(name)
    return name


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def rows(connection: Connection, table: str, clock: ManualClock) -> SealedSecrets:
    return SealedSecrets(connection, table, Seal.of(Secret(OLD)), clock)


@pytest.fixture
def double(tmp_path: Path) -> Iterator[KeyVault]:
    with key_vault(certificate(tmp_path)) as made:
        yield made


@pytest.fixture
def vault(
    double: KeyVault, tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[VaultSecrets]:
    monkeypatch.setenv("NO_PROXY", "*")
    with identity(monkeypatch, RESOURCE) as app:
        app.told = double.tokens.append
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "certificate.pem"))
        # the double is not under vault.azure.net, which the SDK would ask of a real one
        options = {"verify_challenge_resource": False}
        yield VaultSecrets(Vault(double.url, app.client_id, options), "belfry", clock)
    tokens.forget()


@pytest.fixture(params=["rows", "vault"])
def store(request: pytest.FixtureRequest) -> SecretStore:
    found: SecretStore = request.getfixturevalue(request.param)
    return found


def test_what_is_stored_comes_back_for_its_owner_alone(
    store: SecretStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    first, second = store.put(HOOK, VALUES), store.put(HOOK, {"url": Secret("b")})
    theirs = store.put(OTHER, {"url": Secret("c")})
    assert first != second
    assert store.get(HOOK, first) == VALUES and store.get(HOOK, second) == {"url": Secret("b")}
    assert store.get(OTHER, first) is None and store.get(HOOK, theirs) is None
    assert {(one.owner, one.ref) for one in store.all()} == {
        (HOOK, first),
        (HOOK, second),
        (OTHER, theirs),
    }
    store.remove(HOOK, first)
    store.remove(HOOK, first)
    assert store.get(HOOK, first) is None and store.get(HOOK, second) is not None
    assert len([*store.all()]) == 2
    assert "s3cr3t" not in caplog.text and "whsec_ü" not in caplog.text


def test_a_row_that_was_copied_or_changed_opens_nothing(
    rows: SealedSecrets, connection: Connection, table: str
) -> None:
    from shared.storage.tables.batch import Upsert

    mine, newer, theirs = rows.put(HOOK, VALUES), rows.put(HOOK, {}), rows.put(OTHER, VALUES)
    client = connection.table(table)

    def row(project: int, ref: str) -> dict[str, Any]:
        found = client.get(str(project), f"webhook:15:{ref}")
        assert found is not None and "s3cr3t" not in str(found)
        return {name: found[name] for name in ("sealed", "key", "at")}

    client.transact("2", [Upsert(f"webhook:15:{theirs}", row(1, mine))])
    client.transact("1", [Upsert(f"webhook:15:{newer}", row(1, mine))])
    changed = row(1, mine)
    swapped = "A" if changed["sealed"][20] != "A" else "B"
    changed["sealed"] = changed["sealed"][:20] + swapped + changed["sealed"][21:]
    client.transact("1", [Upsert(f"webhook:15:{mine}", changed)])
    for owner, ref in ((OTHER, theirs), (HOOK, newer), (HOOK, mine)):
        with pytest.raises(Damaged, match="are those of another") as raised:
            rows.get(owner, ref)
        assert "s3cr3t" not in str(raised.value)


def test_keys_change_one_after_the_other(
    rows: SealedSecrets, connection: Connection, table: str, clock: ManualClock
) -> None:
    before = rows.put(HOOK, VALUES)
    both = SealedSecrets(connection, table, Seal.of(Secret(f"{NEW}, {OLD}")), clock)
    assert both.get(HOOK, before) == VALUES
    after = both.put(HOOK, VALUES)
    new = SealedSecrets(connection, table, Seal.of(Secret(NEW)), clock)
    assert new.get(HOOK, after) == VALUES
    with pytest.raises(Misconfigured, match="SECRETS_KEY has no key named"):
        new.get(HOOK, before)


def test_a_vault_is_asked_once_in_five_minutes(
    vault: VaultSecrets, double: KeyVault, clock: ManualClock
) -> None:
    ref = vault.put(HOOK, VALUES)
    for _ in range(10):
        assert vault.get(HOOK, ref) == VALUES
    assert double.gets() == 1
    clock.advance(timedelta(minutes=5))
    assert vault.get(HOOK, ref) == VALUES and double.gets() == 2
    vault.remove(HOOK, ref)
    assert vault.get(HOOK, ref) is None, "what was removed here is not remembered"


def test_a_vault_that_throttles_is_asked_again_and_then_it_is_said(
    vault: VaultSecrets, double: KeyVault
) -> None:
    ref = vault.put(HOOK, VALUES)
    double.troubles = [(429, {"Retry-After": "0"})] * 2
    assert vault.get(HOOK, ref) == VALUES, "two of them are waited for"
    double.troubles = [(429, {"Retry-After": "0"})] * 4
    with pytest.raises(Unavailable, match="too many requests"):
        vault.get(OTHER, ref)
    double.troubles = [(403, {})]
    with pytest.raises(Refused, match="role Key Vault Secrets Officer") as raised:
        vault.put(HOOK, VALUES)
    assert "quoted" not in str(raised.value)


def test_a_vaults_secrets_of_another_are_not_taken(vault: VaultSecrets, double: KeyVault) -> None:
    mine, theirs = vault.put(HOOK, VALUES), vault.put(OTHER, VALUES)
    one, other = (next(name for name in double.kept if ref in name) for ref in (mine, theirs))
    double.kept[one]["value"] = double.kept[other]["value"]
    with pytest.raises(Damaged, match="are those of another"):
        vault.get(HOOK, mine)
    double.kept[one]["value"] = "x"
    with pytest.raises(Damaged, match="cannot be read"):
        vault.get(HOOK, mine)


def test_a_vault_lists_page_by_page_and_only_what_is_belfrys(
    vault: VaultSecrets, double: KeyVault
) -> None:
    double.page = 2
    refs = {vault.put(HOOK, VALUES) for _ in range(5)}
    name = next(iter(double.kept))
    double.kept["other-app"] = double.kept[name] | {"tags": {}}
    assert {one.ref for one in vault.all()} == refs


def test_secrets_move_into_the_vault_with_their_next_change(
    rows: SealedSecrets, vault: VaultSecrets
) -> None:
    before = Secrets({SEALED: rows}).put(HOOK, VALUES)
    both = Secrets({VAULT: vault, SEALED: rows})
    assert before.startswith("row:") and both.get(HOOK, before) == VALUES
    after = both.put(HOOK, VALUES)
    assert after.startswith("vault:") and both.get(HOOK, after) == VALUES
    assert {one.ref for one in both.all()} == {before, after}
    with pytest.raises(Misconfigured, match="SECRETS_KEY is not set"):
        Secrets({VAULT: vault}).get(HOOK, before)


def test_without_a_place_nothing_is_stored() -> None:
    with pytest.raises(Misconfigured, match="set SECRETS_VAULT_URL to a Key Vault, or SECRETS_KEY"):
        Secrets({}).put(HOOK, VALUES)
