"""What is wrong with a plan or an order, in the words of the routes that take it.

Its task checks what it asks for (`shared.backups.orders`), wherever it comes from; here errors name
its parameters as the request's own fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from shared.app import App
from shared.backups.params import ALL, ONLY_ALL, PARTS
from shared.errors import Invalid
from shared.tasks.model import PARAMETERS


@contextmanager
def named_plainly() -> Iterator[None]:
    """Name a wrong parameter as the request does."""
    try:
        yield
    except Invalid as error:
        raise Invalid(error.field.removeprefix(f"{PARAMETERS}."), error.message) from None


def destination_is_known(belfry: App, name: str | None) -> None:
    """Raise `Invalid` if the settings have no destination of that name."""
    from shared.backups.orders import check_destination

    check_destination(belfry.backups().catalog.names, name)


def fits_all(parameters: Mapping[str, object], given: Mapping[str, Any]) -> None:
    """Raise `Invalid`, naming the field of `given`, if a plan for all sources has parameters that
    belong to a single server."""
    from shared.backups.orders import refuse_parts

    if parameters.get("source") != ALL:
        return
    parts = [name for name in PARTS if parameters.get(name) not in (None, [], ALL)]
    new = [name for name, value in given.items() if value]
    refuse_parts(parts, new, ONLY_ALL, ONLY_ALL)
