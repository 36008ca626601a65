"""Makes a new database like another: encoding and locale, and later owner, settings, privileges.

A dump has only the first two, in its entry of the database.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from shared.backups.postgres.server import quoted
from shared.errors import Refused
from shared.tasks.context import JobContext

if TYPE_CHECKING:
    import psycopg

_SHAPE = """
    SELECT pg_encoding_to_char(encoding), datcollate, datctype,
        CASE to_jsonb(d) ->> 'datlocprovider' WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' END,
        coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale')
    FROM pg_database d WHERE datname = %s
"""
CREATED = re.compile(
    rb"CREATE DATABASE [^\0]{1,200}? WITH TEMPLATE = template0"
    rb"( ENCODING = '[^\0']+'[^\0]{0,1000}?);\n"
)
"""How a dump describes its database."""
_OPTION = re.compile(
    "(ENCODING|LOCALE|LC_COLLATE|LC_CTYPE|ICU_LOCALE|ICU_RULES|BUILTIN_LOCALE) = '((?:[^']|'')*)'"
)
_PROVIDER = re.compile("LOCALE_PROVIDER = ([a-z]+)")
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
"""Settings that are stored as a list of names, quoted where needed (GUC_LIST_QUOTE)."""
_NAME = re.compile('"((?:[^"]|"")*)"|([^",\\s]+)')


def said_like(head: bytes) -> list[list[str]]:
    """Ways to make a database like the one that was dumped, as options of CREATE DATABASE, the
    most similar first. `head`: the dump's beginning, where pg_dump's custom format has them."""
    found = CREATED.search(head)
    if not found or not found[1].isascii():
        return [["TEMPLATE template0"]]
    told = found[1].decode()
    said = {word: value.replace("''", "'") for word, value in _OPTION.findall(told)}
    encoding, locale = f"ENCODING {_text(said.pop('ENCODING'))}", said.pop("LOCALE", None)
    both = {"LC_COLLATE": locale, "LC_CTYPE": locale} if locale else {}
    like = [encoding, *(f"{word} {_text(value)}" for word, value in {**both, **said}.items())]
    if provider := _PROVIDER.search(told):
        like.append(f"LOCALE_PROVIDER {provider[1]}")
    ways = [like, [encoding, "LC_COLLATE 'C'", "LC_CTYPE 'C'"], []]
    return [["TEMPLATE template0", *way] for way in ways]


def create_like(
    admin: psycopg.Connection[Any],
    name: str,
    model: str | None,
    head: bytes,
    job: JobContext,
) -> None:
    """Make an empty database with the encoding and locale of the database `model`; if that does not
    exist, of the dumped one (the dump begins with `head`), as far as this server has them."""
    import psycopg

    row = admin.execute(_SHAPE, (model,)).fetchone() if model else None
    ways = said_like(head)
    if row:
        encoding, collate, ctype, provider, locale = row
        words = ["TEMPLATE template0", f"ENCODING {_text(encoding)}"]
        words += [f"LC_COLLATE {_text(collate)}", f"LC_CTYPE {_text(ctype)}"]
        if provider:
            words += [f"LOCALE_PROVIDER {provider}", f"{provider}_LOCALE {_text(locale)}"]
        ways = [words]
    for number, way in enumerate(ways, 1):
        try:
            admin.execute(f"CREATE DATABASE {quoted(name)} {' '.join(way)}".encode())
            return
        except (
            psycopg.errors.InsufficientPrivilege,
            psycopg.errors.ReadOnlySqlTransaction,
            psycopg.OperationalError,
        ):
            raise  # not caused by a locale, so another way would not help
        except psycopg.Error as error:
            if number == len(ways):
                raise
            reason = error.diag.message_primary or str(error)
            job.log("the dump's locale is not on this server", database=name, reason=reason)


def take_over(admin: psycopg.Connection[Any], model: str, name: str, service: str) -> None:
    """Give the database `name` the settings, privileges and owner of `model`: all or none.

    Raises `Refused` if the server no longer accepts one of them.
    """
    import psycopg

    with admin.transaction():
        for statement in _statements(admin, model, name):
            try:
                admin.execute(statement.encode())
            except psycopg.errors.InsufficientPrivilege:
                raise
            except (psycopg.ProgrammingError, psycopg.DataError) as error:
                said = error.diag.message_primary or str(error)
                what = f"what database {model!r} has is not taken of the one restored: {said}"
                raise Refused(service, f"{what} ({statement})") from None


def _statements(admin: psycopg.Connection[Any], model: str, name: str) -> list[str]:
    database = quoted(name)
    row = admin.execute(_OWNER, (model,)).fetchone()
    owner, limit, has_privileges = row or ("", -1, False)
    said = [f"ALTER DATABASE {database} CONNECTION LIMIT {limit}"]
    for role, settings in admin.execute(_SETTINGS, (model,)):
        whose = f"ROLE {quoted(role)} IN DATABASE {database}" if role else f"DATABASE {database}"
        for setting in settings:
            word, _, value = setting.partition("=")
            shown = _listed(value) if word.lower() in _LISTS else _text(value)
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


def _listed(value: str) -> str:
    """A list of names as SQL literals, as pg_dump writes it: unlike a quoted identifier, a literal
    may be empty."""
    names = [quoted.replace('""', '"') or plain for quoted, plain in _NAME.findall(value)]
    return ", ".join(map(_text, names or [""]))


def _text(value: str) -> str:
    """A string literal for SQL; with the prefix E if it holds a backslash."""
    escaped = value.replace("'", "''").replace("\\", "\\\\")
    return f"E'{escaped}'" if "\\" in value else f"'{escaped}'"
