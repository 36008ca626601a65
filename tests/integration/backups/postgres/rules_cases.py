"""Databases whose data or definitions break their own rules, and what is said of them."""

from __future__ import annotations

from dataclasses import dataclass

ORPHAN = (
    "CREATE TABLE owners (id int PRIMARY KEY)",
    'CREATE TABLE "odd pets" (id int PRIMARY KEY,'
    ' owner int CONSTRAINT "pet\'s owner" REFERENCES owners)',
    "INSERT INTO owners VALUES (1)",
    'INSERT INTO "odd pets" VALUES (1, 1)',
    "SET session_replication_role = replica",
    'INSERT INTO "odd pets" VALUES (2, 99)',
)
OWNER = "constraint public.odd pets.pet's owner"


@dataclass
class Case:
    """Statements that make such data, the rule, and what is said of it."""

    statements: tuple[str, ...]
    rule: str
    said: str
    left: bool = True
    """Whether a proof without it has to leave it out to the end."""


def _calling(body: str, check: str = "CHECK (allowed(n))") -> tuple[str, ...]:
    """A CHECK that reads another table, whose rows come later."""
    return (
        "CREATE TABLE limits (most int)",
        "INSERT INTO limits VALUES (10)",
        f"CREATE FUNCTION allowed(n int) RETURNS boolean {body}",
        f"CREATE TABLE amounts (n int CONSTRAINT low {check})",
        "INSERT INTO amounts VALUES (5)",
    )


READS = "n <= (SELECT coalesce(max(most), 0) FROM {}limits)"
CASES = {
    "a foreign key": Case(ORPHAN, OWNER, r"Key \(owner\)=\(99\) is not present"),
    "a key that is not unique": Case(
        (
            "CREATE TABLE twice (n int)",
            "INSERT INTO twice VALUES (7), (7)",
            "CREATE UNIQUE INDEX only_once ON twice (n) WHERE n > 7",
            # What a corrupt index, or a collation that changed, let in.
            "UPDATE pg_index SET indpred = NULL WHERE indexrelid = 'only_once'::regclass",
        ),
        "index public.only_once",
        r"Key \(n\)=\(7\) is duplicated",
    ),
    "a CHECK that reads another table": Case(
        _calling(f"LANGUAGE plpgsql AS 'BEGIN RETURN {READS.format('public.')}; END'"),
        "constraint public.amounts.low",
        'violates check constraint "low".*COPY amounts, line 1',
        left=False,
    ),
    "one whose function names no schema": Case(
        _calling(f"LANGUAGE plpgsql AS 'BEGIN RETURN {READS.format('')}; END'"),
        "constraint public.amounts.low",
        'relation "limits" does not exist.*COPY amounts, line 1',
        left=False,
    ),
    "one in SQL": Case(
        _calling(f"LANGUAGE sql AS 'SELECT {READS.format('')}'"),
        "constraint public.amounts.low",
        'relation "limits" does not exist',
        left=False,
    ),
    "a CHECK that was changed under its rows": Case(
        (
            *_calling("LANGUAGE sql AS 'SELECT true'"),
            "CREATE OR REPLACE FUNCTION allowed(n int) RETURNS boolean "
            "LANGUAGE sql AS 'SELECT n > 100'",
        ),
        "constraint public.amounts.low",
        r"Failing row contains \(5\)",
    ),
    "a domain": Case(
        (
            "CREATE FUNCTION fine(n int) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
            "CREATE DOMAIN small AS int CONSTRAINT is_small CHECK (fine(VALUE))",
            "CREATE TABLE things (n small)",
            "INSERT INTO things VALUES (5)",
            "CREATE OR REPLACE FUNCTION fine(n int) RETURNS boolean LANGUAGE sql "
            "AS 'SELECT n > 100'",
        ),
        "domain public.small",
        'violates check constraint "is_small"',
    ),
    "one that partitions inherit": Case(
        (
            "CREATE FUNCTION fine(n int) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
            "CREATE TABLE parts (n int CONSTRAINT good CHECK (fine(n))) PARTITION BY RANGE (n)",
            "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (9)",
            "INSERT INTO parts VALUES (5)",
            "CREATE OR REPLACE FUNCTION fine(n int) RETURNS boolean LANGUAGE sql "
            "AS 'SELECT n > 100'",
        ),
        "constraint public.parts_1.good",
        'violates check constraint "good"',
    ),
}


def _changed(uses: tuple[str, ...], body: str) -> tuple[str, ...]:
    """A function that was changed under what computes with it."""
    said = "FUNCTION rated(n int) RETURNS int IMMUTABLE LANGUAGE plpgsql"
    return (
        "CREATE TABLE rates (n int)",
        "INSERT INTO rates VALUES (5)",
        f"CREATE {said} AS 'BEGIN RETURN 1; END'",
        *uses,
        f"CREATE OR REPLACE {said} AS 'BEGIN RETURN {body}; END'",
    )


READS_RATES = "(SELECT max(n) FROM rates)"
CASES |= {
    "names with line breaks": Case(
        (
            'CREATE TABLE "new\nline" (n int CONSTRAINT "p\nk" PRIMARY KEY)',
            'CREATE TABLE "r\nf" (n int CONSTRAINT "fk\nx" REFERENCES "new\nline")',
            "SET session_replication_role = replica",
            'INSERT INTO "r\nf" VALUES (1)',
        ),
        "constraint public.r\nf.fk\nx",
        r"violates foreign key constraint .fk\nx. \(Key \(n\)=\(1\) is not present",
    ),
    "a CHECK whose name has a line break": Case(
        (
            'CREATE TABLE "a\nm" (n int)',
            'INSERT INTO "a\nm" VALUES (5)',
            'ALTER TABLE "a\nm" ADD CONSTRAINT "c\nk" CHECK (n > 9) NOT VALID',
            "UPDATE pg_constraint SET convalidated = true WHERE conname ~ 'k$'",
        ),
        "constraint public.a\nm.c\nk",
        r"Failing row contains \(5\)",
    ),
    "an index whose function was changed": Case(
        _changed(("CREATE INDEX rated ON rates (rated(n))",), "n / 0"),
        "index public.rated",
        r"division by zero \(PL/pgSQL function public.rated\(integer\)",
    ),
    "an index whose function names no schema": Case(
        _changed(("CREATE INDEX rated ON rates (rated(n))",), READS_RATES),
        "index public.rated",
        'relation "rates" does not exist .*SET search_path',
    ),
    "one whose function is not immutable any more": Case(
        (
            *_changed(("CREATE INDEX rated ON rates (rated(n))",), "1"),
            "ALTER FUNCTION rated VOLATILE",
        ),
        "index public.rated",
        "functions in index expression must be marked IMMUTABLE",
    ),
    "an index of a partition": Case(
        _changed(
            (
                "CREATE TABLE parts (n int) PARTITION BY RANGE (n)",
                "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (9)",
                "INSERT INTO parts VALUES (1)",
                "CREATE INDEX rated ON parts (rated(n))",
                "COMMENT ON INDEX parts_1_rated_idx IS 'x'",
            ),
            "n / 0",
        ),
        "index public.parts_1_rated_idx",
        "division by zero",
    ),
    "a materialized view": Case(
        (
            "CREATE TABLE shares (n int)",
            "INSERT INTO shares VALUES (1)",
            'CREATE MATERIALIZED VIEW "sha\nred" AS SELECT 1 / n AS share FROM shares',
            'CREATE INDEX shares_index ON "sha\nred" (share)',
            "UPDATE shares SET n = 0",
        ),
        "materialized view public.sha\nred",
        "division by zero; mend the definition, or the data",
    ),
    "one whose function reads a table without its schema": Case(
        _changed(("CREATE MATERIALIZED VIEW rated AS SELECT rated(1) AS n",), READS_RATES),
        "materialized view public.rated",
        'relation "rates" does not exist .*SET search_path',
    ),
}
IN_THE_DATABASE = {
    "a generated column whose function names no schema": (
        _changed(
            (
                "CREATE TABLE rated (n int, rate int GENERATED ALWAYS AS (rated(n)) STORED)",
                "INSERT INTO rated VALUES (1)",
            ),
            READS_RATES,
        ),
        r'"rates" does not exist \(PL/pgSQL function .*COPY rated, line 1.*SET search_path',
    ),
    "a partition's function that was changed": (
        _changed(
            (
                "CREATE TABLE parts (n int) PARTITION BY LIST (rated(n))",
                "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1)",
                "INSERT INTO parts VALUES (7)",
            ),
            "2",
        ),
        r'"parts_1" violates partition constraint \(Failing row contains \(7\)',
    ),
    "a domain that takes no null any more": (
        (
            "CREATE DOMAIN whole AS int",
            "CREATE TABLE things (n whole)",
            "INSERT INTO things VALUES (NULL)",
            "UPDATE pg_type SET typnotnull = true WHERE typname = 'whole'",
        ),
        r"domain public.whole does not allow null values \(COPY things, line 1, column n",
    ),
}
