"""A short digest of every object's definition, the same after pg_dump and pg_restore.

A definition is what the server prints for it, without owners and privileges. An expression may be
printed differently after a restore: `status IN ('a', 'b')` of a varchar column first as
`(status)::text = ANY ((ARRAY['a'::character varying, ...])::text[])`, then with the casts inside
the array. So digests leave out casts, and parentheses around a single thing. They also leave out a
sequence's value, since no snapshot keeps that constant.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from shared.backups.postgres.server import in_bytes, shown
from shared.tasks.context import JobContext

if TYPE_CHECKING:
    import psycopg

_DIGITS = 12
_SQL_BODIES = 140_000
"""The first server version whose functions may have a body that is not a string."""
_PRINTED = {
    "search_path": "",
    "DateStyle": "ISO",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "extra_float_digits": "3",
    "bytea_output": "hex",
    "quote_all_identifiers": "off",
    "standard_conforming_strings": "on",
}
"""Settings that affect how definitions are printed, with pg_dump's values where it sets them."""

_SHORT = {
    "{columns}": """
        (SELECT jsonb_agg(jsonb_build_array(a.place, a.attname,
                format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
                pg_get_expr(d.adbin, d.adrelid),
                CASE WHEN a.attcollation <> t.typcollation THEN l.collname END)
            ORDER BY a.place, a.attname)
         FROM (SELECT *, CASE WHEN c.relispartition
                   OR NOT EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = c.oid)
                   THEN row_number() OVER (ORDER BY attnum) END AS place
               FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) a
         JOIN pg_type t ON t.oid = a.atttypid
         LEFT JOIN pg_collation l ON l.oid = a.attcollation
         LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum)""",
    "{relation}": """
        (pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         AND c.relpersistence <> 't' AND {own c})""",
}
"""Parts that the queries share. Columns are in their order, but by name in a table that inherits,
since pg_dump orders those anew."""
_OWN = r"""NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = \1.tableoid
                        AND e.objid = \1.oid AND e.deptype = 'e')"""
"""The condition that an object is not part of an extension."""

_QUERIES = (
    """
    SELECT 'schema ' || n.nspname, '[]'::jsonb FROM pg_namespace n
    WHERE n.nspname <> 'public' AND {own n} AND {scope}
    """,
    """
    SELECT CASE c.relkind WHEN 'v' THEN 'view ' WHEN 'm' THEN 'materialized view '
           WHEN 'f' THEN 'foreign table ' WHEN 'c' THEN 'type ' ELSE 'table ' END
           || n.nspname || '.' || c.relname,
        jsonb_build_array(c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity,
            (SELECT array_agg(o ORDER BY o COLLATE "C") FROM unnest(c.reloptions) o),
            CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END,
            CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,
            pg_get_expr(c.relpartbound, c.oid),
            (SELECT array_agg(i.inhparent::regclass::text ORDER BY i.inhseqno)
             FROM pg_inherits i WHERE i.inhrelid = c.oid),
            {columns})
    FROM {relation} WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'c') AND {scope}
    """,
    """
    SELECT 'sequence ' || n.nspname || '.' || c.relname, jsonb_build_array(
        format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmax, s.seqmin,
        s.seqcache, s.seqcycle,
        (SELECT array_agg(d.refobjid::regclass || '.' || a.attname ORDER BY 1) FROM pg_depend d
         JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
         WHERE d.classid = c.tableoid AND d.objid = c.oid
           AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')))
    FROM pg_sequence s JOIN {relation} ON c.oid = s.seqrelid WHERE {scope}
    """,
    # Invalid indexes are not dumped, except a partitioned table's that lacks one on a partition.
    """
    SELECT 'index ' || n.nspname || '.' || i.relname, jsonb_build_array(
        pg_get_indexdef(x.indexrelid), x.indisclustered, x.indisreplident,
        (SELECT h.inhparent::regclass::text FROM pg_inherits h WHERE h.inhrelid = i.oid))
    FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN {relation} ON c.oid = x.indrelid
    WHERE x.indisready AND (x.indisvalid OR c.relkind = 'p')
      AND c.relkind IN ('r', 'p', 'm') AND {scope}
    """,
    # NOT NULL (named from PostgreSQL 18 on) is listed with the columns. Constraints that partitions
    # have from their parent are left out: the server itself names them.
    """
    SELECT 'constraint ' || n.nspname || '.' || c.relname || '.' || k.conname,
        jsonb_build_array(k.contype, pg_get_constraintdef(k.oid))
    FROM pg_constraint k JOIN {relation} ON c.oid = k.conrelid
    WHERE k.contype IN ('c', 'f', 'p', 'u', 'x') AND k.conparentid = 0 AND {scope}
    """,
    """
    SELECT 'trigger ' || n.nspname || '.' || c.relname || '.' || g.tgname,
        jsonb_build_array(g.tgenabled, pg_get_triggerdef(g.oid))
    FROM pg_trigger g JOIN {relation} ON c.oid = g.tgrelid
    WHERE NOT g.tgisinternal AND g.tgparentid = 0 AND {scope}
    """,
    """
    SELECT 'rule ' || n.nspname || '.' || c.relname || '.' || r.rulename,
        jsonb_build_array(r.ev_enabled, pg_get_ruledef(r.oid))
    FROM pg_rewrite r JOIN {relation} ON c.oid = r.ev_class
    WHERE r.rulename <> '_RETURN' AND {scope}
    """,
    """
    SELECT 'policy ' || n.nspname || '.' || c.relname || '.' || p.polname,
        jsonb_build_array(p.polcmd, p.polpermissive,
            (SELECT array_agg(r.rolname ORDER BY 1) FROM pg_roles r
             WHERE r.oid = ANY (p.polroles)),
            pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
    FROM pg_policy p JOIN {relation} ON c.oid = p.polrelid WHERE {scope}
    """,
    # Without a range type's constructors, which come with the type.
    """
    SELECT CASE p.prokind WHEN 'p' THEN 'procedure ' WHEN 'a' THEN 'aggregate '
           ELSE 'function ' END || n.nspname || '.' || p.proname || '('
           || pg_get_function_identity_arguments(p.oid) || ')',
        jsonb_build_array(p.prokind, l.lanname, pg_get_function_arguments(p.oid),
            pg_get_function_result(p.oid), p.provolatile, p.proisstrict, p.prosecdef,
            p.proleakproof, p.proparallel, p.procost, p.prorows, p.proconfig, p.probin,
            pg_get_function_sqlbody(p.oid), jsonb_build_object('text', p.prosrc),
            (SELECT jsonb_build_array(g.aggkind, g.aggtransfn::text, g.aggfinalfn::text,
                    g.aggcombinefn::text, format_type(g.aggtranstype, NULL), g.agginitval)
             FROM pg_aggregate g WHERE g.aggfnoid = p.oid))
    FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
    JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE {own p} AND {scope}
      AND NOT EXISTS (SELECT FROM pg_depend i WHERE i.classid = p.tableoid
                      AND i.objid = p.oid AND i.deptype = 'i')
    """,
    """
    SELECT CASE t.typtype WHEN 'd' THEN 'domain ' ELSE 'type ' END
           || n.nspname || '.' || t.typname,
        jsonb_build_array(t.typtype, t.typnotnull, t.typdefault,
            CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END,
            (SELECT jsonb_build_object('text', jsonb_agg(e.enumlabel ORDER BY e.enumsortorder))
             FROM pg_enum e WHERE e.enumtypid = t.oid),
            (SELECT format_type(r.rngsubtype, NULL) FROM pg_range r WHERE r.rngtypid = t.oid),
            (SELECT jsonb_object_agg(k.conname, pg_get_constraintdef(k.oid))
             FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c'))
    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
    WHERE t.typtype IN ('d', 'e', 'r', 'm') AND {own t} AND {scope}
    """,
)
_EXTENSIONS = "SELECT extname FROM pg_extension WHERE extname <> 'plpgsql'"


def definitions(
    connection: psycopg.Connection[Any],
    job: JobContext,
    in_scope: str,
    given: dict[str, Any],
    extensions: list[str] | None,
) -> dict[str, str]:
    """Each object as `table public.pets`, and its digest. `extensions`: only these."""
    for name, value in _PRINTED.items():
        connection.execute("SELECT set_config(%s, %s, false)", (name, value))
    found: dict[str, list[str]] = {}
    for query in _QUERIES:
        job.check()
        whole = _whole(query, in_scope, connection.info.server_version)
        with connection.transaction(force_rollback=True):
            for name, pieces in connection.execute(whole.encode(), given):
                found.setdefault(shown(name), []).append(digest(pieces))
    for (name,) in connection.execute(_EXTENSIONS):
        if extensions is None or name in extensions:
            found[f"extension {name}"] = [digest([])]
    # Names with dots may look the same: such objects share one entry, whatever their order.
    return {
        name: each[0] if len(each) == 1 else digest(sorted(each)) for name, each in found.items()
    }


def _whole(query: str, in_scope: str, server: int) -> str:
    """The query with its placeholders filled in, for that server version."""
    for short, long in {**_SHORT, "{scope}": in_scope}.items():
        query = query.replace(short, long)
    if server < _SQL_BODIES:
        query = query.replace("pg_get_function_sqlbody(p.oid)", "NULL")
    return re.sub(r"\{own (\w)\}", _OWN, query)


def digest(pieces: Any) -> str:
    """The digest of a definition's parts. Strings are taken as expressions, except those in an
    object under `text`."""
    plain = json.dumps(_plain(pieces), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(in_bytes(plain)).hexdigest()[:_DIGITS]


def _plain(piece: Any) -> Any:
    if isinstance(piece, str):
        return plain(piece)
    if isinstance(piece, list):
        return [_plain(item) for item in piece]
    if isinstance(piece, dict):
        return piece if "text" in piece else {name: _plain(item) for name, item in piece.items()}
    return piece


_NAME = r'(?:"(?:[^"]|"")*"|[^\W\d][\w$]*)'
_TOKEN = re.compile(
    rf"""
    (?P<cast>::\s*{_NAME}(?:\.{_NAME})*(?:\s+varying|\s+precision)?(?:\(\s*-?\d+(?:,\s*-?\d+)?\))?
        (?:\s+with(?:out)?\s+time\s+zone)?(?:\[\])*)
    | (?P<open>ARRAY\s*\[|[(\[]) | (?P<close>[)\]])
    | (?P<rest>E?'(?:[^'\\]|''|\\.)*' | {_NAME}(?:\.{_NAME})* | \d[\w.]* | \S)
    """,
    re.VERBOSE | re.DOTALL,
)


def plain(expression: str) -> str:
    """An expression without casts, spaces, and parentheses around a single thing."""
    stack: list[tuple[str, list[str]]] = [("", [])]
    for match in _TOKEN.finditer(expression):
        if match["open"]:
            stack.append(("(" if match["open"] == "(" else "[", []))
        elif match["close"] and len(stack) > 1:
            kind, inside = stack.pop()
            one = kind == "(" and len(inside) == 1
            stack[-1][1].append(inside[0] if one else f"{kind}{' '.join(inside)}{match[0]}")
        elif not match["cast"]:
            stack[-1][1].append(match[0])
    return " ".join(kind + " ".join(inside) for kind, inside in stack)
