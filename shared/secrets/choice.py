"""Which store of secrets the settings choose.

A name says which store it is of, so secrets of an encrypted row can be read after a vault was set,
as long as SECRETS_KEY stays; the next change of a resource moves its secrets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from shared.errors import Misconfigured
from shared.secrets.port import Kept, Owner, SecretStore
from shared.settings import Secret

SEALED, VAULT = "row", "vault"
_NAMED = {
    SEALED: "SECRETS_KEY is not set: 32 random bytes in base64, by which secrets are encrypted",
    VAULT: "SECRETS_VAULT_URL is not set: the URL of the Key Vault that has these secrets",
}
NOWHERE = (
    "no place for secrets is set; set SECRETS_VAULT_URL to a Key Vault, or SECRETS_KEY to what "
    "`openssl rand -base64 32` prints"
)


class Secrets:
    """The stores that are set up (`port.SecretStore`): the first stores, each reads its own."""

    def __init__(self, stores: Mapping[str, SecretStore]) -> None:
        """`stores`: by what their names begin with."""
        self._stores = stores

    def put(self, owner: Owner, values: Mapping[str, Secret]) -> str:
        for name, store in self._stores.items():
            return f"{name}:{store.put(owner, values)}"
        raise Misconfigured(NOWHERE)

    def get(self, owner: Owner, ref: str) -> Mapping[str, Secret] | None:
        store, inner = self._of(ref)
        return store.get(owner, inner)

    def remove(self, owner: Owner, ref: str) -> None:
        store, inner = self._of(ref)
        store.remove(owner, inner)

    def all(self) -> Iterator[Kept]:
        for name, store in self._stores.items():
            for kept in store.all():
                yield replace(kept, ref=f"{name}:{kept.ref}")

    def _of(self, ref: str) -> tuple[SecretStore, str]:
        name, _, inner = ref.partition(":")
        store = self._stores.get(name)
        if store is None:
            raise Misconfigured(_NAMED.get(name, f"{ref!r} is of no store of secrets"))
        return store, inner
