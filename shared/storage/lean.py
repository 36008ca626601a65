"""A transport for azure-core's pipelines with as little as possible between it and the socket.

azure-core's own transport uses the library requests, which spends more time on one request than the
engine spends on the jobs in it. This transport gives the bytes to urllib3, on which requests is
built. urllib3 keeps connections open, and handles TLS and proxies. The transport serves tables and
queues (`rest`); the SDK for blobs keeps its own.

It raises azure-core's errors, as `failures` needs them: `ServiceRequestError` if there was no
connection, `ServiceResponseError` if the answer did not come or was cut off.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.clock import Clock, SystemClock
from shared.errors import Misconfigured
from shared.storage.checked import CheckedClock
from shared.storage.counted import count
from shared.storage.failures import head_was_cut, shortened_pauses

if TYPE_CHECKING:
    from azure.core.rest import HttpRequest

_CONNECTIONS = 64
"""The most connections that are kept open. More threads than this can send, but each further one
opens a new connection."""


class Answer:
    """A response that was read to its end, with the attributes that azure-core's policies and
    errors use."""

    __slots__ = ("content", "headers", "reason", "request", "status_code")

    def __init__(self, request: HttpRequest, found: Any) -> None:
        self.request = request
        self.status_code: int = found.status
        self.reason: str = found.reason or ""
        self.headers = found.headers
        self.content: bytes = found.data

    def text(self) -> str:
        """The body as text."""
        return self.content.decode(errors="replace")


class Lean:
    """The transport. Several threads may use it at once."""

    def __init__(self, url: str, clock: CheckedClock | None = None) -> None:
        """`url` is the service to connect to. The environment may name a proxy and certificates for
        it, in the same variables as for the library requests. `clock` learns the storage's time
        from answers. Raises `Misconfigured`."""
        self._pool = _pool(url)
        self._checked = clock
        self._clock: Clock = clock or SystemClock()

    def send(self, request: HttpRequest, **options: Any) -> Answer:
        """Send a request and read the whole answer."""
        import urllib3
        from azure.core import exceptions as azure

        limits = urllib3.Timeout(
            connect=options.get("connection_timeout"), read=options.get("read_timeout")
        )
        began = self._clock.monotonic()
        count("tables")
        try:
            found = self._pool.urlopen(
                request.method,
                request.url,
                body=request.content,
                headers=request.headers,
                timeout=limits,
                redirect=False,
            )
        except (
            urllib3.exceptions.NewConnectionError,
            urllib3.exceptions.ConnectTimeoutError,
            urllib3.exceptions.ProxyError,
            urllib3.exceptions.SSLError,
        ) as error:
            raise azure.ServiceRequestError(str(error), error=error) from error
        except urllib3.exceptions.HTTPError as error:
            raise azure.ServiceResponseError(str(error), error=error) from error
        if self._checked is not None:  # a 403 may mean that the request's date was wrong
            refused, took = found.status == 403, self._clock.monotonic() - began
            self._checked.hear(found.headers.get("Date"), took, at_once=refused)
        if head_was_cut(found.status, found.headers):
            raise azure.ServiceResponseError("the answer's head was cut")
        shortened_pauses(found.headers)
        return Answer(request, found)

    def sleep(self, seconds: float) -> None:
        """Sleep; azure-core's retry policy calls this between attempts."""
        self._clock.sleep(timedelta(seconds=seconds))

    def open(self) -> None:
        """Do nothing: connections are opened when they are needed."""

    def close(self) -> None:
        """Close the idle connections now, and the others once their answers are read."""
        pools = self._pool.pools
        for key in pools.keys():  # noqa: SIM118 (it cannot be iterated)
            pools[key].close()
        self._pool.clear()

    def __enter__(self) -> Lean:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _pool(url: str) -> Any:
    """A pool of connections to `url`. The environment's proxy and certificates are read here, once,
    and not at each request."""
    import certifi
    import requests
    import urllib3
    from requests.adapters import HTTPAdapter
    from requests.utils import prepend_scheme_if_needed, select_proxy

    found = requests.Session().merge_environment_settings(url, {}, None, None, None)
    trusted: Any = certifi.where() if found["verify"] is True else found["verify"]
    kept: dict[str, Any] = {"retries": False}
    kept["ca_cert_dir" if Path(trusted).is_dir() else "ca_certs"] = trusted
    proxy = select_proxy(url, found["proxies"])
    if proxy is None:
        return urllib3.PoolManager(maxsize=_CONNECTIONS, **kept)
    try:
        via: Any = HTTPAdapter(pool_maxsize=_CONNECTIONS)  # handles passwords and SOCKS
        return via.proxy_manager_for(prepend_scheme_if_needed(proxy, "http"), **kept)  # type: ignore[no-untyped-call]
    except (ValueError, requests.RequestException):  # these errors show the password
        raise Misconfigured(
            "the proxy that the environment names (HTTPS_PROXY, HTTP_PROXY or ALL_PROXY) cannot be "
            "used for the storage; use http://HOST:PORT, or name the storage's host in NO_PROXY"
        ) from None
