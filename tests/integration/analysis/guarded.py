"""A way to the test's own servers."""

from __future__ import annotations

from typing import Any

import urllib3

from tests.certificate import Certificate


class _Pool(urllib3.PoolManager):
    def request(self, method: str, url: str, body: Any = None, **options: Any) -> Any:
        options["preload_content"] = False
        return super().request(method, url, body=body, **options)


class _Guarded:
    def __init__(self, certificate: Certificate) -> None:
        self._certificate = certificate

    def hold(self, url: str) -> None: ...

    def pool(self, limits: Any, *, headers: Any = None, stop: Any = None) -> Any:
        return _Pool(ca_certs=str(self._certificate.file), headers=headers or {})


def guarded(certificate: Certificate) -> Any:
    return _Guarded(certificate)
