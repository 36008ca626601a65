"""Who may do what: callers, their roles and their projects.

caller   pure: who asks, and what that caller may see and do
"""

from shared.access.caller import ENGINE, LOCAL, SETTINGS, Caller, Role

__all__ = ["ENGINE", "LOCAL", "SETTINGS", "Caller", "Role"]
