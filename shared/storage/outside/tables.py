"""A customer's table. Entities are read and written as the service writes them, with the
annotations of their types, so every type stays what it is (`tables.raw`)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from shared.errors import Refused
from shared.storage import failures
from shared.storage.cancellation import transport as stoppable
from shared.storage.outside.address import Address
from shared.storage.outside.pages import Moved, Page, Unfit, forbidden
from shared.storage.rest import Rest, code_of, refusal
from shared.storage.signing import Signature
from shared.storage.tables.batch import HEADERS, Delete, Insert, Operation, Replace, quoted
from shared.storage.tables.table import Table, unwrapping

Entity = Mapping[str, Any]
PAGE = 1000
_METHODS: Mapping[type[Operation], str] = {Insert: "POST", Replace: "PUT", Delete: "DELETE"}
_WRITE = HEADERS | {"Content-Type": "application/json", "Prefer": "return-no-content"}
_MORE = ("NextPartitionKey", "NextRowKey")
_UNFIT: Mapping[str, str] = {
    "EntityTooLarge": "it is larger than an entity may be",
    "PropertyValueTooLarge": "one of its values is too large",
    "PropertyNameTooLong": "the name of a property is too long",
    "PropertyNameInvalid": "the name of a property cannot be written",
    "KeyValueTooLarge": "its key is too large",
    "TooManyProperties": "it has too many properties",
    "OutOfRangeInput": "one of its values is out of range",
    "InvalidInput": "one of its values cannot be written",
}
"""Error codes that concern one entity alone."""


class OutsideTable:
    """The table. Several threads may use it at once. `transport`: the guarded one.

    Each call raises `Unavailable` or `Refused` if storage fails.
    """

    def __init__(self, at: Address, transport: Any, check: Callable[[], None]) -> None:
        self.at = at
        credential = at.key or Signature(at.signature)
        sender = stoppable(transport, check)
        self._rest = Rest(at.url, "table", credential, unwrapping(), transport=sender)
        self._table = Table(self._rest, at.name)
        self._transacts = True

    def page(self, filter: str, marker: str | None) -> Page[Entity]:
        """A page of the entities that match the OData filter (all, if it is empty), in the order
        of their keys."""
        url = f"{self._rest.url}/{self.at.name}()?$top={PAGE}"
        if filter:
            url += f"&$filter={quote(filter, safe='')}"
        for name, value in json.loads(marker or "{}").items():
            url += f"&{name}={quote(value, safe='')}"
        with self._whole():
            answer = self._rest.run("GET", url, HEADERS).http_response
            if answer.status_code != 200:
                raise refusal(answer, code=_code(answer))
        more = {
            name: value
            for name in _MORE
            if (value := answer.headers.get(f"x-ms-continuation-{name}"))
        }
        return Page(json.loads(answer.content)["value"], json.dumps(more) if more else None)

    def get(self, partition: str, key: str) -> Entity | None:
        """The entity as it is now; None if there is none."""
        with self._whole():
            return self._table.get(partition, key, raw=True)

    def transact(self, partition: str, operations: Sequence[Operation]) -> None:
        """Do all of the operations, or none. Raises `Moved` if an entity is not any more what an
        operation wants it to be, `Unfit` if one cannot be written, and `TooLarge`.

        A signature for a table alone may not be good for transactions. Then they are done one by
        one, and what came before the one that was refused is done.
        """
        from azure.core.exceptions import HttpResponseError

        with self._whole():
            try:
                if self._transacts:
                    self._hold(self._table.transact(partition, operations).committed)
                    return
            except HttpResponseError as error:
                _unfit(error)
                if error.status_code != 403 or self.at.key is not None:
                    raise
                self._transacts = False
            for one in operations:
                self._single(partition, one)

    def _single(self, partition: str, one: Operation) -> None:
        from azure.core.exceptions import HttpResponseError

        method, table = _METHODS[type(one)], f"{self._rest.url}/{self.at.name}"
        keys = f"(PartitionKey='{quoted(partition)}',RowKey='{quoted(one.key)}')"
        url = table if isinstance(one, Insert) else f"{table}{keys}"
        headers, body = dict(_WRITE), None
        if isinstance(one, Replace | Delete):
            headers["If-Match"] = one.etag
        if not isinstance(one, Delete):
            said = {"PartitionKey": partition, "RowKey": one.key, **one.properties}
            body = json.dumps(said, allow_nan=False).encode()
        answer = self._rest.run(method, url, headers, body).http_response
        if answer.status_code >= 300:
            code = _code(answer)
            self._hold(answer.status_code not in (404, 409, 412) or code == "TableNotFound")
            error: HttpResponseError = refusal(answer, code=code)
            _unfit(error)
            raise error

    def _hold(self, done: bool) -> None:
        if not done:
            raise Moved

    @contextmanager
    def _whole(self) -> Iterator[None]:
        from azure.core.exceptions import HttpResponseError

        with failures.translated(self.at.shown):
            try:
                yield
            except HttpResponseError as error:
                if getattr(error, "error_code", "") == "TableNotFound":
                    text = "it does not exist; make it, or name another"
                    raise Refused(self.at.shown, text) from error
                if error.status_code in (401, 403):
                    raise Refused(
                        self.at.shown, forbidden(getattr(error, "error_code", ""))
                    ) from None
                raise


def _unfit(error: Any) -> None:
    """Raise `Unfit` if an error concerns one entity alone."""
    code = str(getattr(error, "error_code", ""))
    if code in _UNFIT:
        raise Unfit(_UNFIT[code]) from error


def _code(answer: Any) -> str:
    """The error code of an answer, which tables also have in its body."""
    try:
        return code_of(answer) or str(json.loads(answer.content)["odata.error"]["code"])
    except (ValueError, LookupError, TypeError):
        return ""
