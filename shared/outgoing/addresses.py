"""Which addresses are places on the public internet. Pure.

A table of its own, since `ipaddress.is_global` also says so of addresses that stand for others
(NAT64, 6to4), of groups (multicast), and of Azure's own address. It follows IANA's registries,
https://www.iana.org/assignments/iana-ipv4-special-registry and
https://www.iana.org/assignments/iana-ipv6-special-registry.
"""

from __future__ import annotations

import ipaddress
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_V4 = {
    "0.0.0.0/8": "this network",
    "10.0.0.0/8": "private",
    "100.64.0.0/10": "shared by customers of a carrier",
    "127.0.0.0/8": "this machine",
    "168.63.129.16/32": "Azure's own",
    "169.254.0.0/16": "link-local, where Azure's metadata are",
    "172.16.0.0/12": "private",
    "192.0.0.0/24": "reserved",
    "192.0.2.0/24": "for documentation",
    "192.88.99.0/24": "a relay to IPv6",
    "192.168.0.0/16": "private",
    "198.18.0.0/15": "for benchmarks",
    "198.51.100.0/24": "for documentation",
    "203.0.113.0/24": "for documentation",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved",
}
"""168.63.129.16 looks public:
https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16"""
_V6 = {
    "2001::/23": "for protocols (Teredo, ORCHID)",
    "2001:db8::/32": "for documentation",
    "2002::/16": "an IPv4 address (6to4)",
    "3fff::/20": "for documentation",
}
"""Of 2000::/3. Outside that network, nothing is public."""
_REFUSED = tuple((ipaddress.ip_network(one), why) for one, why in (_V4 | _V6).items())
_PUBLIC_V6 = ipaddress.ip_network("2000::/3")
_NEVER = {ipaddress.ip_address(one) for one in ("168.63.129.16", "169.254.169.254")}


def parsed(text: str) -> Address | None:
    """The address, if the text is one: four decimal numbers without leading zeros, or IPv6 without
    a zone. An IPv4 address in the form of IPv6 (::ffff:1.2.3.4) is the IPv4 address."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address):
        if found.scope_id is not None:
            return None
        return found.ipv4_mapped or found
    return found


def refusal(address: Address) -> str | None:
    """Why that is no public address; None if it is one."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return refusal(address.ipv4_mapped)
    if isinstance(address, ipaddress.IPv6Address) and address not in _PUBLIC_V6:
        return "no public network of IPv6"
    return next((why for network, why in _REFUSED if address in network), None)


def never(address: Address) -> bool:
    """Whether no setting can allow it: Azure's metadata, and Azure's own."""
    return address in _NEVER
