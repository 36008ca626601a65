"""Reads a server's certificate."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from shared.outgoing import Unreachable, Why

LONGEST = 16 * 1024
"""Bytes of a certificate; a longer one is not looked at."""


def expires(host: str, chain: Sequence[bytes]) -> datetime:
    """Until when the first certificate of a chain (DER) is good. Raises `Unreachable` if it cannot
    be read."""
    from cryptography import x509

    try:
        first = chain[0] if chain else b""
        if not 0 < len(first) <= LONGEST:
            raise ValueError("none, or too long")
        return x509.load_der_x509_certificate(first).not_valid_after_utc
    except ValueError:
        raise Unreachable(host, "its certificate cannot be read", Why.TLS) from None
