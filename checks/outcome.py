"""What a check found: its problems, each with what would be right; or that all is fine."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """`looked_at` says in a few words what was checked."""

    looked_at: str
    problems: tuple[str, ...] = ()
