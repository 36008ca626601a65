"""A large company's rows, made by PostgreSQL itself around the day on which the bench runs."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from shared.data.migrations.run import upgrade
from shared.settings import Secret


@dataclass(frozen=True, slots=True)
class Size:
    """How many rows."""

    tenants: int
    owners: int
    appointments: int


_ZONES = "'America/New_York', 'Europe/Berlin', 'Asia/Tokyo', 'Australia/Sydney', 'UTC'"

_STATEMENTS = (
    f"""INSERT INTO tenants
        (id, name, timezone, language, currency, no_show_fee_minor, sms_currency)
    SELECT n, 'Practice ' || n, (ARRAY[{_ZONES}])[1 + n %% 5],
        (ARRAY['en', 'de'])[1 + n %% 2], 'USD', CASE WHEN n %% 4 > 0 THEN 2500 END, 'USD'
    FROM generate_series(1, %(tenants)s) n""",
    """INSERT INTO users (id, tenant_id, email, role)
    VALUES (1, 1, 'ada@example.com', 'system_admin')""",
    """INSERT INTO owners (id, tenant_id, name, phone, sms_opted_in)
    SELECT n, 1 + n %% %(tenants)s, 'Owner ' || n, '+1415555' || lpad((n %% 10000)::text, 4, '0'),
        n %% 5 > 0
    FROM generate_series(1, %(owners)s) n""",
    """INSERT INTO pets (id, owner_id, name)
    SELECT n, n, 'Pet ' || n FROM generate_series(1, %(owners)s) n""",
    # From a year ago to six weeks ahead. One in ten of the past two days is still planned.
    """INSERT INTO appointments
        (id, tenant_id, pet_id, starts_at, status, booked_at, cancelled_at, no_show_at)
    SELECT n, 1 + pet %% %(tenants)s, pet, at, status, at - interval '10 days',
        CASE status WHEN 'cancelled' THEN at - interval '1 day' END,
        CASE status WHEN 'no_show' THEN at + interval '1 day' END
    FROM (SELECT n, pet, at, CASE
            WHEN n %% 12 = 0 THEN 'cancelled'
            WHEN at > now() OR (at > now() - interval '2 days' AND n %% 10 = 0) THEN 'planned'
            WHEN n %% 12 = 1 THEN 'no_show' ELSE 'done' END AS status
        FROM (SELECT n, 1 + (n::bigint * 7919) %% %(owners)s AS pet,
                date_trunc('minute', now()) + interval '42 days'
                    - interval '407 days' * (n::float / %(appointments)s) AS at
            FROM generate_series(1, %(appointments)s) n) a) b""",
    # They expire from a year ago to two years ahead; the monitor has seen all until yesterday.
    """INSERT INTO vaccinations (tenant_id, pet_id, kind, expires_on, status)
    SELECT 1 + pet %% %(tenants)s, pet, 'rabies', on_day, CASE
        WHEN on_day < current_date THEN 'expired'
        WHEN on_day < current_date + 30 THEN 'expiring' ELSE 'valid' END
    FROM (SELECT n AS pet, current_date - 365 + n %% 1095 AS on_day
        FROM generate_series(1, %(owners)s) n) v""",
    """INSERT INTO reputations (owner_id, tenant_id, score, good_since)
    SELECT n, 1 + n %% %(tenants)s, 60, current_date - n %% 200
    FROM generate_series(1, %(owners)s, 10) n""",
    """INSERT INTO costs (tenant_id, day, category, amount_minor, currency)
    SELECT t, current_date - d, c, 1 + (t + d) %% 5, 'USD'
    FROM generate_series(1, %(tenants)s) t, generate_series(0, 59) d,
        unnest(ARRAY['sms', 'compute', 'storage']) c""",
    """INSERT INTO revenues (tenant_id, day, source, amount_minor, currency)
    SELECT t, current_date - d, 'subscription', 20, 'USD'
    FROM generate_series(1, %(tenants)s) t, generate_series(0, 59) d""",
    """INSERT INTO partners (id, name)
    SELECT n, 'Partner ' || n FROM generate_series(1, 20) n""",
    """INSERT INTO commissions (partner_id, tenant_id, day, amount_minor, currency)
    SELECT 1 + t %% 20, t, current_date - d, 2, 'USD'
    FROM generate_series(1, %(tenants)s) t, generate_series(0, 59) d""",
    """INSERT INTO usage_days (tenant_id, counter, day, value, closed_at)
    SELECT t, c, current_date - d, t, CASE WHEN d > 2 THEN now() END
    FROM generate_series(1, %(tenants)s) t, generate_series(0, 59) d,
        unnest(ARRAY['api_calls', 'logins', 'sms_sent']) c""",
)
_SEQUENCES = ("tenants", "users", "owners", "pets", "appointments", "partners")


def fill(url: str, server: str, size: Size) -> None:
    """Create the database that `url` names, with Belfry's schema and that many rows."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {url.rpartition('/')[2]}".encode())
    upgrade(Secret(url))
    values = {
        "tenants": size.tenants,
        "owners": size.owners,
        "appointments": size.appointments,
    }
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in _STATEMENTS:
            connection.execute(statement.encode(), values)
        for table in _SEQUENCES:
            connection.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) "
                f"FROM {table}".encode()
            )
        connection.execute(b"VACUUM ANALYZE")
