"""Connections to addresses that were checked: plain, and by TLS with the certificate checked for
the name."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import cast

from shared.clock import Clock
from shared.outgoing import addresses
from shared.outgoing.lookup import Lookup, Resolve
from shared.outgoing.model import Handshake, Unreachable, Why
from shared.outgoing.rules import Rules
from shared.outgoing.watch import Plain, Secure, Watch

_TRIED = 6
"""How many addresses of a host are tried at most."""


class Dialer:
    """Finds addresses, checks them, and connects to them."""

    def __init__(
        self, rules: Rules, clock: Clock, resolve: Resolve, trusted: Path | None = None
    ) -> None:
        """`trusted`: a file of authorities (PEM); none: those of certifi."""
        self.rules = rules
        self._clock = clock
        self._lookup = Lookup(resolve, clock)
        self._trusted = trusted

    def addresses(self, host: str, port: int, seconds: float) -> tuple[str, ...]:
        """Every address of a host, in its one form; each is checked, and the name is looked up
        once. Raises `Blocked` and `Unreachable`."""
        self.rules.hold_host(host, port)
        if addresses.parsed(host) is not None:
            return (host,)
        return self.rules.hold_answers(host, port, self._lookup(host, port, seconds))

    def plain(self, host: str, port: int, watch: Watch) -> tuple[Plain, str]:
        """A connection to one of the host's addresses, and which that is. Raises `Blocked`,
        `Unreachable` and `Cancelled`."""
        try:
            found = self.addresses(host, port, watch.left())
            return self._first(host, port, found[:_TRIED], watch)
        except TimeoutError:
            raise Unreachable(host, "took no connection in time", Why.TIMEOUT) from None

    def _first(self, host: str, port: int, found: Sequence[str], watch: Watch) -> tuple[Plain, str]:
        problem: OSError | None = None
        for number, address in enumerate(found):
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            sock = Plain(family, socket.SOCK_STREAM)
            try:
                sock.settimeout(watch.left() / (len(found) - number))
                sock.connect((address, port))
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError as error:
                sock.close()
                problem = error
            except BaseException:
                sock.close()
                raise
            else:
                return sock, address
        if isinstance(problem, TimeoutError):
            raise problem
        raise Unreachable(
            host, f"took no connection ({type(problem).__name__})", Why.CONNECT
        ) from None

    def secure(self, sock: Plain, host: str, watch: Watch) -> Secure:
        """TLS on that connection. Raises `Unreachable`; then the connection is closed."""
        return self._wrapped(self._context, sock, host, watch)

    def handshake(self, host: str, port: int, name: str, watch: Watch) -> Handshake:
        """What the server shows for that name. A certificate that is not good is asked for again,
        on a second connection, without the check. Raises as `plain` and `secure` do."""
        try:
            return self._shown(self._context, host, port, name, watch, "")
        except Unreachable as error:
            cause = error.__cause__
            if not isinstance(cause, ssl.SSLCertVerificationError):
                raise
            problem = cause.verify_message or "the certificate is not good"
        return self._shown(self._any, host, port, name, watch, problem)

    def _shown(
        self, context: ssl.SSLContext, host: str, port: int, name: str, watch: Watch, problem: str
    ) -> Handshake:
        plain, address = self.plain(host, port, watch)
        with contextlib.closing(self._wrapped(context, plain, name, watch)) as sock:
            return Handshake(
                address=address,
                chain=_chain(sock),
                version=sock.version() or "",
                verified=not problem,
                problem=problem,
            )

    def _wrapped(self, context: ssl.SSLContext, sock: Plain, host: str, watch: Watch) -> Secure:
        try:
            sock.settimeout(watch.left())  # of the whole handshake
            return cast("Secure", context.wrap_socket(sock, server_hostname=host))
        except ssl.SSLCertVerificationError as error:
            sock.close()
            said = f"its certificate is not good for that name: {error.verify_message}"
            raise Unreachable(host, said, Why.TLS) from error
        except TimeoutError:
            sock.close()
            raise Unreachable(host, "did not agree on TLS in time", Why.TIMEOUT) from None
        except (OSError, ValueError) as error:  # what is no TLS, or a connection that broke
            sock.close()
            said = (
                f"did not agree on TLS ({getattr(error, 'reason', None) or type(error).__name__})"
            )
            raise Unreachable(host, said, Why.TLS) from error
        except BaseException:
            sock.close()
            raise

    @cached_property
    def _context(self) -> ssl.SSLContext:
        import certifi

        made = ssl.create_default_context(cafile=str(self._trusted or certifi.where()))
        made.sslsocket_class = Secure
        return made

    @cached_property
    def _any(self) -> ssl.SSLContext:
        """Takes any certificate: only to look at it; nothing is sent."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
        made.sslsocket_class = Secure
        return made


def _chain(sock: ssl.SSLSocket) -> tuple[bytes, ...]:
    """What the server sent. Python 3.13 has a method for it; before, it is the inner object's."""
    ask = getattr(sock, "get_unverified_chain", None)
    if ask is not None:
        return tuple(ask())
    import _ssl

    inner = getattr(sock, "_sslobj").get_unverified_chain() or ()  # noqa: B009 (it is private)
    return tuple(one.public_bytes(_ssl.ENCODING_DER) for one in inner)
