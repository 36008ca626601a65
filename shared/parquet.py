"""Whether Parquet can be written here: pyarrow is no requirement of the app, for its weight."""

from __future__ import annotations

from importlib.util import find_spec

MISSING = (
    "Parquet needs pyarrow; whoever runs Belfry adds requirements-parquet.txt (docs/exports.md)"
)
CONTENT_TYPE = "application/vnd.apache.parquet"


def is_installed() -> bool:
    """Whether pyarrow is there; it is not loaded."""
    return find_spec("pyarrow") is not None
