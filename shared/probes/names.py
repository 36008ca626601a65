"""Asks the platform's name server for records.

Customers name what is looked up, and the platform's resolver also knows the names of inner
networks. So names that have no meaning on the internet are refused, and so is an answer with an
address that is not public: neither says anything of what stands inside.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from shared.outgoing import Blocked, Unreachable, Why, addresses
from shared.outgoing.inner import hold_record

if TYPE_CHECKING:
    from dns.resolver import Resolver

MOST = 50
"""The most answers that are looked at."""
_SHOWN = 300
Resolve = Callable[[], "Resolver"]


def platform() -> Resolver:
    """The resolver that the platform gives this machine."""
    from dns.resolver import Resolver

    return Resolver()


def is_public(text: str) -> bool:
    """Whether that is the address of a host on the public internet."""
    address = addresses.parsed(text)
    return address is not None and addresses.refusal(address) is None


def records(
    resolve: Resolve,
    name: str,
    record: str,
    *,
    seconds: float,
    allowed: Callable[[str], bool] = is_public,
) -> tuple[str, ...]:
    """The answers, in order, each as a zone file has it (a TXT without its quotes).

    Raises `Blocked` for names and addresses that customers may not see, and `Unreachable` if there
    is no answer.
    """
    import dns.exception
    import dns.resolver

    try:
        hold_record(name)
    except ValueError as error:
        raise Blocked(name, str(error)) from None
    try:
        found = resolve().resolve(f"{name.rstrip('.')}.", record, lifetime=seconds, search=False)
    except dns.resolver.NXDOMAIN:
        raise Unreachable(name, "there is no such name", Why.NAME) from None
    except dns.resolver.NoAnswer:
        raise Unreachable(name, f"it has no record {record}", Why.NAME) from None
    except (dns.resolver.LifetimeTimeout, dns.exception.Timeout):
        raise Unreachable(name, "no name server answered in time", Why.TIMEOUT) from None
    except dns.exception.DNSException as error:
        said = f"its name servers do not answer ({type(error).__name__})"
        raise Unreachable(name, said, Why.NAME) from None
    texts = [_text(one) for _, one in zip(range(MOST), found, strict=False)]
    if record in ("A", "AAAA") and not all(map(allowed, texts)):
        raise Blocked(name, "one of its addresses is not public")
    return tuple(sorted(texts))


def _text(record: object) -> str:
    strings = getattr(record, "strings", None)
    text = b"".join(strings).decode("utf-8", "replace") if strings is not None else str(record)
    return text[:_SHOWN]
