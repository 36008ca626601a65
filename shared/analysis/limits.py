"""How much of a repository is fetched, written and looked at."""

from __future__ import annotations

from dataclasses import asdict, dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What one analysis may take."""

    pack: int = 200 * MIB
    """Bytes that come over the network, compressed."""
    refs: int = 16 * MIB
    """Bytes in which the server names its branches."""
    fetch_seconds: float = 300.0
    objects: int = 400_000
    """In the pack."""
    inflated: int = 2048 * MIB
    """Bytes of all objects, uncompressed: one that is larger than it may be counts too."""
    chain: int = 500
    """Deltas on deltas."""
    tree: int = 8 * MIB
    """Bytes of one folder's list."""
    entries: int = 1_000_000
    """Names in all folders that are looked at."""
    files: int = 20_000
    file: int = 2 * MIB
    """Bytes of one file."""
    total: int = 300 * MIB
    """Bytes of all files."""
    findings: int = 5_000
    """Of one tool: GitHub keeps so many of a run."""
    packages: int = 20_000
    """In all lock files."""
    memory: int = 1024 * MIB
    """Address space of each program that looks at files."""
    seconds: float = 600.0
    """For each of them."""
    output: int = 64 * MIB
    """Bytes of what each of them says, and of any file that it writes."""

    def said(self) -> dict[str, float]:
        """As JSON."""
        return asdict(self)
