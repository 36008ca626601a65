"""The names of Belfry's tables, queues and containers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Names:
    """The names, which all begin with `prefix`."""

    prefix: str

    @property
    def table(self) -> str:
        return f"{self.prefix}schedules"

    @property
    def notifications(self) -> str:
        return f"{self.prefix}messages"

    @property
    def approvals(self) -> str:
        return f"{self.prefix}approvals"

    @property
    def alerts(self) -> str:
        return f"{self.prefix}alerts"

    @property
    def webhooks(self) -> str:
        return f"{self.prefix}webhooks"

    @property
    def keys(self) -> str:
        return f"{self.prefix}keys"

    @property
    def resources(self) -> str:
        return f"{self.prefix}resources"

    @property
    def spending(self) -> str:
        """Budgets, and what was spent of them."""
        return f"{self.prefix}spending"

    @property
    def secrets(self) -> str:
        """Of customers, encrypted."""
        return f"{self.prefix}secrets"

    @property
    def workflows(self) -> str:
        """Definitions that people keep; runs are in the table of schedules."""
        return f"{self.prefix}workflows"

    @property
    def probes(self) -> str:
        return f"{self.prefix}probes"

    @property
    def audit(self) -> str:
        return f"{self.prefix}audit"

    @property
    def audit_files(self) -> str:
        """A container."""
        return f"{self.prefix}-audit"

    @property
    def queue(self) -> str:
        return f"{self.prefix}-jobs"

    @property
    def poison(self) -> str:
        return f"{self.prefix}-jobs-poison"

    @property
    def long_queue(self) -> str:
        return f"{self.prefix}-long-jobs"

    @property
    def long_poison(self) -> str:
        return f"{self.prefix}-long-jobs-poison"

    @property
    def shards(self) -> str:
        return f"{self.prefix}-shards"

    @property
    def clock(self) -> str:
        return f"{self.prefix}-clock"

    @property
    def history(self) -> str:
        """A container."""
        return f"{self.prefix}-history"

    @property
    def reports(self) -> str:
        """A container."""
        return f"{self.prefix}-reports"

    @property
    def batches(self) -> str:
        """A container: items of batches, and what became of them."""
        return f"{self.prefix}-batches"

    @property
    def syncs(self) -> str:
        return f"{self.prefix}syncs"

    @property
    def sync_reports(self) -> str:
        """A container."""
        return f"{self.prefix}-syncs"

    @property
    def workflow_runs(self) -> str:
        """A container: runs that ended long ago."""
        return f"{self.prefix}-workflow-runs"

    @property
    def exports(self) -> str:
        """A container: the files that customers asked for."""
        return f"{self.prefix}-exports"

    @property
    def index(self) -> str:
        """A container: the snapshots of the indexes."""
        return f"{self.prefix}-index"

    @property
    def analysis(self) -> str:
        """A container: what analyses found, and OSV's database."""
        return f"{self.prefix}-analysis"
