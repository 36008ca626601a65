"""A new database like another: its encoding and locale, and then owner, settings, privileges.

None of these is in a dump of the database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.backups.pgerrors import quoted

if TYPE_CHECKING:
    import psycopg

_SHAPE = """
    SELECT pg_encoding_to_char(encoding), datcollate, datctype,
        CASE to_jsonb(d) ->> 'datlocprovider' WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' END,
        coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale')
    FROM pg_database d WHERE datname = %s
"""
_OWNER = """
    SELECT pg_get_userbyid(datdba), datconnlimit, datacl IS NOT NULL
    FROM pg_database WHERE datname = %s
"""
_SETTINGS = """
    SELECT r.rolname, s.setconfig FROM pg_db_role_setting s
    JOIN pg_database d ON d.oid = s.setdatabase LEFT JOIN pg_roles r ON r.oid = s.setrole
    WHERE d.datname = %s
"""
_PRIVILEGES = """
    SELECT r.rolname, a.privilege_type, a.is_grantable
    FROM pg_database d CROSS JOIN aclexplode(d.datacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
    WHERE d.datname = %s
"""
_LISTS = (
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
)
"""Settings that are kept with their names in quotes already (GUC_LIST_QUOTE)."""


def create_like(admin: psycopg.Connection[Any], name: str, model: str) -> None:
    """Make an empty database with the encoding and locale of `model`, if that is there."""
    row = admin.execute(_SHAPE, (model,)).fetchone()
    words = ["TEMPLATE template0"]
    if row:
        encoding, collate, ctype, provider, locale = row
        words += [f"ENCODING {_text(encoding)}", f"LC_COLLATE {_text(collate)}"]
        words += [f"LC_CTYPE {_text(ctype)}"]
        if provider:
            words += [f"LOCALE_PROVIDER {provider}", f"{provider}_LOCALE {_text(locale)}"]
    admin.execute(f"CREATE DATABASE {quoted(name)} {' '.join(words)}".encode())


def take_over(admin: psycopg.Connection[Any], model: str, name: str) -> None:
    """Give the database `name` what `model` has: settings, privileges, its owner; all or none."""
    with admin.transaction():
        for statement in _statements(admin, model, name):
            admin.execute(statement.encode())


def _statements(admin: psycopg.Connection[Any], model: str, name: str) -> list[str]:
    database = quoted(name)
    row = admin.execute(_OWNER, (model,)).fetchone()
    owner, limit, has_privileges = row or ("", -1, False)
    said = [f"ALTER DATABASE {database} CONNECTION LIMIT {limit}"]
    for role, settings in admin.execute(_SETTINGS, (model,)):
        whose = f"ROLE {quoted(role)} IN DATABASE {database}" if role else f"DATABASE {database}"
        for setting in settings:
            word, _, value = setting.partition("=")
            shown = value if word.lower() in _LISTS else _text(value)
            dotted = ".".join(quoted(part) for part in word.split("."))
            said.append(f"ALTER {whose} SET {dotted} TO {shown}")
    if owner:
        said.append(f"ALTER DATABASE {database} OWNER TO {quoted(owner)}")
    if has_privileges:
        said.append(f"REVOKE ALL ON DATABASE {database} FROM PUBLIC")
        for role, privilege, grantable in admin.execute(_PRIVILEGES, (model,)):
            to = (quoted(role) if role else "PUBLIC") + " WITH GRANT OPTION" * grantable
            said.append(f"GRANT {privilege} ON DATABASE {database} TO {to}")
    return said


def _text(value: str) -> str:
    """A literal for SQL; what holds a backslash is marked as it must be."""
    escaped = value.replace("'", "''").replace("\\", "\\\\")
    return f"E'{escaped}'" if "\\" in value else f"'{escaped}'"
