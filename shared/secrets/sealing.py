"""How secrets are encrypted. Pure, except that each encryption draws random bytes.

AES-256 in Galois/Counter Mode (NIST SP 800-38D), with a random nonce of 96 bits. What they belong
to is bound to them as associated data, so a row copied to another place opens nothing there.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.errors import Damaged, Misconfigured
from shared.settings import Secret
from shared.settings.checks import sealing_keys

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class Sealed:
    """Encrypted secrets."""

    key: str
    """The name of the key that opens them: a few letters of its hash."""
    text: str
    """The nonce and the ciphertext, in base64."""


class Seal:
    """Keys: the first seals, each opens."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = {_name(key): key for key in keys}
        self._first = _name(keys[0])

    @staticmethod
    def of(text: Secret) -> Seal:
        """The keys of SECRETS_KEY, which was checked when it was read."""
        return Seal(sealing_keys(text.reveal()))

    def close(self, values: Mapping[str, Secret], bound: str) -> Sealed:
        """Encrypt. `bound`: what they belong to."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        plain = json.dumps({name: one.reveal() for name, one in values.items()}).encode()
        cipher = _cipher(self._keys[self._first]).encrypt(nonce, plain, bound.encode())
        return Sealed(self._first, base64.b64encode(nonce + cipher).decode())

    def open(self, sealed: Sealed, bound: str) -> Mapping[str, Secret]:
        """Decrypt. Raises `Misconfigured` if no key here opens them, and `Damaged` if they were
        changed, or belong to something else."""
        from cryptography.exceptions import InvalidTag

        key = self._keys.get(sealed.key)
        if key is None:
            raise Misconfigured(
                f"SECRETS_KEY has no key named {sealed.key}, with which the secrets of {bound} "
                "were encrypted; add that key after the first, with a comma between, or give the "
                "secrets anew"
            )
        try:
            raw = base64.b64decode(sealed.text, validate=True)
            plain = _cipher(key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], bound.encode())
        except (InvalidTag, ValueError) as error:
            raise Damaged(
                f"the secrets of {bound} were changed, or are those of another; give them anew"
            ) from error
        return {name: Secret(one) for name, one in json.loads(plain).items()}


def _name(key: bytes) -> str:
    return hashlib.sha256(b"belfry secrets key:" + key).hexdigest()[:12]


def _cipher(key: bytes) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)
