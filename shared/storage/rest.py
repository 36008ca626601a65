"""Requests to one service of an account: signed, retried, with timeouts for each attempt.

For Belfry's own clients on the hot path, `tables.table` and `queues.queue`. From azure-core it
takes only what is hard to get right: the retry policy and sign-in with Entra ID. Both are imported
when a client is made, since a cold start pays for every import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.identity.tokens import Identity
from shared.storage import failures
from shared.storage.account import Service, sign_in
from shared.storage.checked import CheckedClock
from shared.storage.lean import Lean
from shared.storage.signing import SharedKey, Signature

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from azure.core.pipeline.policies import SansIOHTTPPolicy

_REPEATED = frozenset(("GET", "POST", "PUT", "DELETE"))


class Rest:
    """One service of one account. Several threads may use it at once."""

    def __init__(
        self,
        url: str,
        service: Service,
        credential: SharedKey | Signature | Identity,
        *policies: SansIOHTTPPolicy[Any, Any],
        transport: Any = None,
        clock: CheckedClock | None = None,
    ) -> None:
        """`url` is the service's endpoint. `transport` is an azure-core transport; default: `Lean`.
        `policies` see each attempt's answer before the retry policy does. `clock` learns the
        storage's time from answers, and dates the requests."""
        from azure.core.pipeline import Pipeline
        from azure.core.pipeline.policies import RetryPolicy

        self.url = url.rstrip("/")
        self._options: dict[str, Any] = {
            **failures.TIMEOUTS,
            "timeout": failures.WHOLE,
            "retry_on_methods": _REPEATED,
        }
        steps: list[Any] = [
            RetryPolicy(**failures.RETRIES),
            sign_in(credential, service, clock),
            *policies,
        ]
        sender: Any = transport or Lean(url, clock)
        self._pipeline = Pipeline[Any, Any](sender, steps)

    def run(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        **options: Any,
    ) -> Any:
        """Send a request, and return azure-core's PipelineResponse, whatever its status. Raises
        azure-core's errors if there is no answer. `options`, such as `cancellation.HASTE`, replace
        the default ones."""
        from azure.core.rest import HttpRequest

        request = HttpRequest(method, url, headers=dict(headers), content=body)
        return self._pipeline.run(request, **self._options | options)

    def ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        *,
        expected: Collection[int],
        also: Collection[str] = (),
        **options: Any,
    ) -> Any:
        """The answer, if it has one of the `expected` statuses, or an error code of `also`; raises
        its `refusal` otherwise."""
        answer = self.run(method, url, headers, body, **options).http_response
        if answer.status_code not in expected and code_of(answer) not in also:
            raise refusal(answer)
        return answer


def code_of(answer: Any) -> str:
    """The service's error code, such as ServerBusy; empty if there is none."""
    return str(answer.headers.get("x-ms-error-code", ""))


def refusal(answer: Any, status: int = 0, code: str = "", message: str = "") -> Any:
    """azure-core's HttpResponseError, with an `error_code` as the SDKs set it. What is not given is
    the answer's own."""
    from azure.core.exceptions import HttpResponseError

    said = message or f"answered {answer.status_code}"
    error: Any = HttpResponseError(message=said, response=answer)
    error.status_code = status or answer.status_code
    error.error_code = code or code_of(answer)
    return error
