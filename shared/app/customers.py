"""Makes the services of what customers may schedule. Each is imported when it is made."""

from __future__ import annotations
