"""From the SDKs' errors to Belfry's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from shared.errors import Refused, Unavailable


@contextmanager
def translated(service: str) -> Iterator[None]:
    """Turn what the SDK raises into `Refused` or `Unavailable`, naming the service."""
    from azure.core import exceptions as azure

    try:
        yield
    except azure.HttpResponseError as error:
        reason = f"{error.status_code} {getattr(error, 'error_code', '') or error.reason}"
        if error.status_code in (401, 403):
            raise Refused(service, f"no permission ({reason})") from error
        raise Unavailable(service, f"answered {reason}") from error
    except azure.AzureError as error:
        raise Unavailable(service, f"did not answer ({type(error).__name__})") from error
