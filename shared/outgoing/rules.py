"""Where customers' requests may go. Pure.

Public addresses only, and what the setting OUTGOING_RANGES names; never what is Belfry's own.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from shared.outgoing import addresses
from shared.outgoing.addresses import Address, Network
from shared.outgoing.inner import is_inner
from shared.outgoing.model import Blocked
from shared.outgoing.places import Place, host, place

USUAL_PORTS = (80, 443, 8080, 8443)
_MAIL = 25
"""Where servers take mail from strangers; Azure lets nothing out to it either."""
_STORAGE = (
    ".core.windows.net",
    ".core.chinacloudapi.cn",
    ".core.usgovcloudapi.net",
    ".storage.azure.net",
)
"""What the names of storage accounts' hosts end with; the account is their first label."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """One place of OUTGOING_RANGES, with one port or with any.

    A host, be it a name or an address, opens URLs that say just that. A network also opens names
    that lead into it."""

    network: Network | None
    host: str
    port: int | None

    def is_of(self, port: int) -> bool:
        return self.port is None or self.port == port


def allowed(texts: Iterable[str]) -> tuple[Allowed, ...]:
    """The places that texts such as `10.1.0.0/16`, `10.1.2.3:8443`, `[fd00::1]:443` and
    `builds.corp:8080` name. Raises `ValueError`."""
    return tuple(map(_allowed, texts))


def _allowed(text: str) -> Allowed:
    name, port = _without_port(text)
    if "/" not in name:
        return Allowed(None, host(name), port)
    try:
        return Allowed(ipaddress.ip_network(name.strip("[]")), "", port)
    except ValueError:
        raise ValueError(f"{text!r} is no network; use one such as 10.1.0.0/16") from None


def _without_port(text: str) -> tuple[str, int | None]:
    name, colon, port = text.rpartition(":")
    if not colon or (":" in name and not name.endswith("]")):
        return text, None  # no colon, or an IPv6 address without brackets
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError(f"{text!r} has no port; use one such as 10.1.2.3:8443")
    return name, int(port)


@dataclass(frozen=True, kw_only=True, slots=True)
class Own:
    """What is Belfry's own, which no setting opens."""

    accounts: frozenset[str] = frozenset()
    """Names of storage accounts."""
    hosts: frozenset[str] = frozenset()
    ends: frozenset[tuple[str, int]] = frozenset()
    """Hosts with ports: where the platform hands out the app's tokens."""

    @classmethod
    def of(cls, *, accounts: Iterable[str], urls: Iterable[str], identity: str) -> Own:
        """`urls`: of services. An address among them, and this machine's name, is left to the table
        of addresses, so that OUTGOING_RANGES can name it. `identity`: the value of
        IDENTITY_ENDPOINT, or nothing."""
        return cls(
            accounts=frozenset(one.lower() for one in accounts if one),
            hosts=frozenset(name for one in urls if (name := _name(one))),
            ends=_ends(identity),
        )

    def why(self, name: str, port: int) -> str | None:
        """Why that host and port are Belfry's own; None if they are not."""
        if (name, port) in self.ends:
            return "it is where Belfry gets its own tokens"
        account = name.partition(".")[0].removesuffix("-secondary")
        if name in self.hosts or (name.endswith(_STORAGE) and account in self.accounts):
            return "it is Belfry's own"
        return None


def _name(url: str) -> str:
    """The host that a URL of any scheme names; empty for an address and for this machine."""
    from urllib.parse import urlsplit

    try:
        name = host(urlsplit(url).hostname or "-")
    except ValueError:
        return ""
    return "" if addresses.parsed(name) or name == "localhost" else name


def _ends(identity: str) -> frozenset[tuple[str, int]]:
    try:
        at = place(identity)
    except ValueError:
        return frozenset()
    return frozenset({(at.host, at.port)})


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """Where requests may go."""

    allowed: Sequence[Allowed] = ()
    ports: Collection[int] = USUAL_PORTS
    """Of requests by HTTP to public places."""
    own: Own = Own()
    setting: str = "OUTGOING_RANGES"
    """The setting that error messages name."""

    def hold(self, at: Place) -> None:
        """Raise `Blocked` unless a request may go there, as far as its host and port show it."""
        self.hold_host(at.host, at.port)
        if at.port not in self.ports and not self.exempts(at.host, at.port):
            ports = ", ".join(map(str, sorted(self.ports)))
            raise Blocked(at.host, f"port {at.port} is not one of {ports} (OUTGOING_PORTS)")

    def hold_host(self, name: str, port: int) -> None:
        """The same for a connection of any protocol."""
        if (why := self.own.why(name, port)) is not None:
            raise Blocked(name, f"customers may not reach it: {why}")
        if port == _MAIL and not self.exempts(name, port):
            raise Blocked(name, "port 25 is for mail servers")
        address = addresses.parsed(name)
        if address is not None:
            self._hold_address(name, address, port)
        elif is_inner(name) and not self.exempts(name, port) and not self._opens_names(port):
            raise Blocked(name, f"it is no public name ({self.setting} allows places)")

    def hold_answers(self, name: str, port: int, answers: Iterable[str]) -> tuple[str, ...]:
        """The addresses of a name, each checked, in their order and each once. Raises `Blocked` if
        any may not be reached, since a name with one such address is no mistake."""
        found: dict[str, None] = {}
        for one in answers:
            address = addresses.parsed(one)
            if address is None:
                raise Blocked(name, f"{one[:60]} is no address that is known")
            self._hold_address(name, address, port)
            found[str(address)] = None
        return tuple(found)

    def exempts(self, name: str, port: int) -> bool:
        """Whether the setting names that host, or a network of the address that it is."""
        address = addresses.parsed(name)
        return any(one.is_of(port) and one.host == name for one in self.allowed) or (
            address is not None and self._opens(address, port)
        )

    def _opens(self, address: Address, port: int) -> bool:
        return any(
            one.is_of(port) and one.network is not None and address in one.network
            for one in self.allowed
        )

    def _opens_names(self, port: int) -> bool:
        """Whether a name may lead into a network that the setting names."""
        return any(one.is_of(port) and one.network is not None for one in self.allowed)

    def _hold_address(self, name: str, address: Address, port: int) -> None:
        if (self.own.why(str(address), port)) is not None or addresses.never(address):
            raise Blocked(name, f"{address} is no public address, and no setting opens it")
        why = addresses.refusal(address)
        if why is None or self.exempts(name, port) or self._opens(address, port):
            return
        raise Blocked(name, f"{address} is no public address: {why} ({self.setting} allows places)")
