"""The names of tables and columns, as Belfry knows them and as a database has them.

Whoever has such tables already says what theirs are called in a TOML file (docs/data.md), which
DATA_NAMES names. Nothing here imports SQLAlchemy: names are read and checked at every start.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shared.errors import Misconfigured
from shared.text import those

SETTING = "DATA_NAMES"
_LONGEST = 63
"""Characters of a name, in PostgreSQL."""

TABLES: Mapping[str, tuple[str, ...]] = {
    "tenants": (
        *("id", "name", "timezone", "language", "currency", "no_show_fee_minor"),
        *("no_show_grace_minutes", "sms_daily_limit", "sms_daily_spend_minor", "sms_currency"),
    ),
    "users": ("id", "tenant_id", "email", "role"),
    "owners": (
        *("id", "tenant_id", "name", "phone", "sms_opted_in", "timezone", "language"),
        "stripe_customer_id",
    ),
    "pets": ("id", "owner_id", "name", "avatar"),
    "vaccinations": ("id", "tenant_id", "pet_id", "kind", "expires_on", "status"),
    "appointments": (
        *("id", "tenant_id", "pet_id", "starts_at", "status", "booked_at", "cancelled_at"),
        *("no_show_at", "notes"),
    ),
    "no_show_fees": (
        *("id", "tenant_id", "appointment_id", "owner_id", "amount_minor", "currency", "status"),
        *("created_at", "stripe_item_id", "stripe_invoice_id", "error"),
    ),
    "reputations": ("owner_id", "tenant_id", "score", "good_since"),
    "reputation_changes": (
        *("id", "owner_id", "week_on", "score_before", "score_after", "no_shows", "recovered"),
        "created_at",
    ),
    "reputation_weeks": ("tenant_id", "settled_on"),
    "message_requests": ("id", "kind", "occasion", "requested_at", "over_at"),
    "costs": ("id", "tenant_id", "day", "category", "amount_minor", "currency"),
    "revenues": ("id", "tenant_id", "day", "source", "amount_minor", "currency"),
    "partners": ("id", "name", "email"),
    "commissions": ("id", "partner_id", "tenant_id", "day", "amount_minor", "currency"),
    "usage_days": ("id", "tenant_id", "counter", "day", "value", "closed_at"),
    "billing_switch": (
        *("id", "paused_at", "paused_for", "spent_minor", "limit_minor", "currency"),
        *("resumed_at", "resumed_by", "resumed_for"),
    ),
    "tenant_billings": (
        *("tenant_id", "stripe_subscription_id", "state", "changed_at", "error"),
        "claimed_until",
    ),
    "billing_steps": (
        *("id", "tenant_id", "occasion", "step", "key", "parameters", "state", "stripe_id"),
        *("error", "created_at", "changed_at"),
    ),
    "marketing_cycles": ("tenant_id", "week_on", "due_at", "figures", "recommendations"),
    "campaigns": (
        *("id", "tenant_id", "rule", "week_on", "segment", "template", "channel"),
        *("hold_out_percent", "figures", "state", "reason", "recipient_count", "held_out_count"),
        *("digest", "schedule_id", "job_id", "created_at", "valid_until", "started_at"),
        *("ended_at", "effect", "measured_at"),
    ),
    "campaign_recipients": (
        *("id", "campaign_id", "owner_id", "part", "notification_id", "status", "error"),
    ),
}
"""Each table's columns, by Belfry's names."""


@dataclass(frozen=True, slots=True)
class Names:
    """What the database calls them; what is not named here is called as Belfry calls it."""

    tables: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By table, by Belfry's names."""

    def table(self, table: str) -> str:
        return self.tables.get(table, table)

    def column(self, table: str, column: str) -> str:
        return self.columns.get(table, {}).get(column, column)

    def __bool__(self) -> bool:
        """Whether anything has a name of its own."""
        return bool(self.tables or self.columns)


_OURS = Names()
_used: list[Names] = []


def use(names: Names) -> None:
    """The names that the models of this process get; to be called before they are imported.

    Raises `Misconfigured` if the process has already used others.
    """
    if not _used:
        _used.append(names)
    elif _used[0] != names:
        raise Misconfigured(f"{SETTING} has changed since this process began; start it again")


def current() -> Names:
    """The names of this process. From the first call on they stay what they are."""
    if not _used:
        _used.append(_OURS)
    return _used[0]


def read(file: Path | None) -> Names:
    """What the file says; without one, Belfry's own names. Raises `Misconfigured` that says all
    that is wrong with it."""
    if file is None:
        return _OURS
    import tomllib  # few have such a file

    try:
        said = tomllib.loads(file.read_text())
    except OSError as error:
        raise Misconfigured(f"{SETTING}: {file} cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise Misconfigured(f"{SETTING}: {file} is no TOML: {error}") from None
    names, problems = _parsed(said)
    problems += _twice(names)
    if problems:
        raise Misconfigured(f"{SETTING}: {file}: {'; '.join(problems)}")
    return names


def _parsed(said: Mapping[str, object]) -> tuple[Names, list[str]]:
    tables: dict[str, str] = {}
    columns: dict[str, dict[str, str]] = {}
    problems: list[str] = []
    for table, about in said.items():
        if table not in TABLES:
            problems.append(f"there is no table {table!r}{_close(table, TABLES)}")
        elif not isinstance(about, dict):
            problems.append(f'{table} is no table of TOML; write [{table}] and table = "..."')
        else:
            own = dict(about)
            if "table" in own:
                tables[table] = own.pop("table")
                problems += _wrong(f"{table}.table", tables[table])
            columns[table] = own
            problems += _columns(table, own)
    changed = {table: own for table, own in columns.items() if own}
    return Names(tables, changed), problems


def _columns(table: str, own: Mapping[str, object]) -> Iterator[str]:
    for column, name in own.items():
        if column not in TABLES[table]:
            close = _close(column, TABLES[table])
            yield f"{table} has no column {column!r}{close}"
        else:
            yield from _wrong(f"{table}.{column}", name)


def _wrong(where: str, name: object) -> Iterator[str]:
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST or "\0" in name:
        yield f"{where} is {name!r}; give a name of 1 to {_LONGEST} characters"


def _close(name: str, known: Iterable[str]) -> str:
    there = list(known)
    found = difflib.get_close_matches(name, there, 1)
    return f"; did you mean {found[0]!r}?" if found else f"; {those(there)}"


def _twice(names: Names) -> Iterator[str]:
    """Two that would be one in the database."""
    yield from _same("two tables are", [names.table(table) for table in TABLES])
    for table, columns in TABLES.items():
        called = [names.column(table, column) for column in columns]
        yield from _same(f"two columns of {table} are", called)


def _same(what: str, called: list[str]) -> Iterator[str]:
    again = {name for name in called if called.count(name) > 1}
    yield from (f"{what} called {name!r}" for name in sorted(again, key=str))
