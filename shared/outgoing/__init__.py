"""Requests to places that callers choose.

model  what a request may take, what came back, and what can go wrong
post   heartbeats: a short text to a URL
"""

from shared.outgoing.model import Answer, Blocked, Limits, Outgoing, Unreachable, Why
from shared.outgoing.post import SECONDS, Target, is_public, post, target

__all__ = [
    "SECONDS",
    "Answer",
    "Blocked",
    "Limits",
    "Outgoing",
    "Target",
    "Unreachable",
    "Why",
    "is_public",
    "post",
    "target",
]
