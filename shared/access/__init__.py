"""Who may do what: callers, their roles and their projects. All of it is pure; `shared.keys` has
what is stored.

caller      who asks, and what that caller may see and do
keys        what a key is, and who it stands for
sign_in     what Microsoft Entra says of a person, and who that is here
bucket      how many requests a caller may make
patience    how long an address waits that sent wrong keys
"""

from shared.access.caller import ENGINE, LOCAL, SETTINGS, Caller, Role

__all__ = ["ENGINE", "LOCAL", "SETTINGS", "Caller", "Role"]
