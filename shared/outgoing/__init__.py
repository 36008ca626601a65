"""Requests to places that callers choose: the one guarded way (docs/outgoing.md).

model      what a request may take, what came back, and what can go wrong
addresses, inner, places, rules, headers, redirects
           pure: which addresses and names are public, how a URL may be written, where requests may
           go, which headers they may have, and what follows a redirect
watch      sockets that end in time
lookup     the addresses of a name
dial       connections to addresses that were checked
exchange   one request on one connection
client     all of it together
pool       the same for libraries that take urllib3's `PoolManager`
postgres   the same for libpq
line       holds a connection that libpq reads
post       heartbeats: a short text to a URL
"""

from shared.outgoing.headers import hold_headers
from shared.outgoing.model import (
    Answer,
    Blocked,
    Handshake,
    Limits,
    Outgoing,
    TooLarge,
    Unreachable,
    Why,
)
from shared.outgoing.post import Post, hold_heartbeat
from shared.outgoing.rules import USUAL_PORTS, Own, Rules, allowed

__all__ = [
    "USUAL_PORTS",
    "Answer",
    "Blocked",
    "Handshake",
    "Limits",
    "Outgoing",
    "Own",
    "Post",
    "Rules",
    "TooLarge",
    "Unreachable",
    "Why",
    "allowed",
    "hold_headers",
    "hold_heartbeat",
]
