"""The command line: a task by hand, now and here (L10, P13)."""

from shared.cli.command import main

__all__ = ["main"]
