"""Three companies: what each does a day, and what it has in Azure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Company:
    """What a company has; the names of what is switched on are those of infra/main.bicep."""

    name: str
    schedules: int
    runs: int
    """Of its own schedules, a day."""
    together: float
    """The share of these that are due in the same second as many others."""
    run_seconds: float
    """What a task takes, beside what Belfry does."""
    run_lines: float
    """Lines that a task itself logs."""
    requests: int
    """To the API, a day."""
    backup_gb: float
    """All databases together, compressed: one backup."""
    sms: int
    """Segments a month."""
    mails: int
    """A month."""
    memory_gb: float = 2
    ready: tuple[str, ...] = ()
    """Instances that are always ready: `http`, or the name of a function."""
    postgres: str = ""
    """The server's size; empty: none."""
    postgres_gb: int = 0
    offsite: bool = False
    """A second region."""
    private: bool = False
    """Private endpoints."""


SMALL = Company(
    name="small",
    schedules=50,
    runs=200,
    together=0,
    run_seconds=2,
    run_lines=3,
    requests=500,
    backup_gb=0.5,
    sms=300,
    mails=500,
)
MIDDLE = Company(
    name="middle",
    schedules=1_000,
    runs=10_000,
    together=0.3,
    run_seconds=2,
    run_lines=3,
    requests=20_000,
    backup_gb=10,
    sms=5_000,
    mails=20_000,
    postgres="B1ms",
    postgres_gb=64,
    offsite=True,
)
LARGE = Company(
    name="large",
    schedules=20_000,
    runs=200_000,
    together=0.5,
    run_seconds=2,
    run_lines=3,
    requests=300_000,
    backup_gb=100,
    sms=100_000,
    mails=300_000,
    ready=("http", "job_worker"),
    postgres="D2ds v5",
    postgres_gb=256,
    offsite=True,
    private=True,
)
COMPANIES = (SMALL, MIDDLE, LARGE)
