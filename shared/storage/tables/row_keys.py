"""Filters that name rows by their keys, for `Table.query`. Keys sort by their characters."""

from __future__ import annotations

from shared.storage.tables.batch import literal


def of(partition: str, keys: str) -> str:
    """The rows of a partition that have these keys."""
    return f"PartitionKey eq {literal(partition)} and {keys}"


def between(first: str, end: str) -> str:
    """The keys from `first` on, before `end`."""
    return f"RowKey ge {literal(first)} and RowKey lt {literal(end)}"


def beginning(prefix: str) -> str:
    """The keys that begin with `prefix`."""
    return between(prefix, after_all(prefix))


def after_all(prefix: str) -> str:
    """Behind every key that begins with `prefix`: of `job:`, this is `job;`."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)
