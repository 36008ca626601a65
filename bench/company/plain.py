"""The plain query that finds each task's rows: what somebody would type instead, without telling
anybody, charging anything or noting that it was done."""

from __future__ import annotations

import time
from collections.abc import Mapping

import psycopg

_PEOPLE = "JOIN pets p ON p.id = {table}.pet_id JOIN owners o ON o.id = p.owner_id"
_REMINDERS = (
    "SELECT a.id, a.starts_at, p.name, o.phone FROM appointments a "
    + _PEOPLE.format(table="a")
    + " WHERE a.status = 'planned' AND a.starts_at BETWEEN now() + interval '{first}' "
    "AND now() + interval '{last}' AND a.booked_at < a.starts_at - interval '{last}' "
    "AND o.sms_opted_in"
)
QUERIES: Mapping[str, str] = {
    "metrics_reset": "SELECT id FROM usage_days WHERE closed_at IS NULL AND day < current_date",
    "daily_cost_report": (
        "SELECT day, category, currency, sum(amount_minor) FROM costs "
        "WHERE day BETWEEN current_date - 31 AND current_date - 1 GROUP BY day, category, currency"
    ),
    "spend_guard": (
        "SELECT currency, sum(amount_minor) FROM costs WHERE day = current_date GROUP BY currency"
    ),
    "vaccination_monitor": (
        "SELECT v.id, v.expires_on, p.name, o.phone FROM vaccinations v "
        + _PEOPLE.format(table="v")
        + " WHERE v.status <> 'expired' AND v.expires_on <= current_date + 30"
    ),
    "no_show_detector": (
        "SELECT a.id, t.no_show_fee_minor FROM appointments a JOIN tenants t ON t.id = a.tenant_id "
        "WHERE a.status = 'planned' AND a.starts_at < now() - interval '15 minutes'"
    ),
    "appointment_reminders_24h": _REMINDERS.format(first="2 hours", last="24 hours"),
    "appointment_reminders_2h": _REMINDERS.format(first="0 hours", last="2 hours"),
    "reputation_updater": (
        "SELECT p.owner_id, count(*) FROM appointments a JOIN pets p ON p.id = a.pet_id "
        "WHERE a.no_show_at > now() - interval '7 days' GROUP BY p.owner_id "
        "UNION ALL SELECT owner_id, 0 FROM reputations "
        "WHERE score < 100 AND good_since <= current_date - 90"
    ),
}
"""By task."""


def run(url: str, query: str) -> tuple[int, float]:
    """(rows, seconds): what the query finds, read to its end."""
    with psycopg.connect(url) as connection:
        began = time.perf_counter()
        rows = len(connection.execute(query.encode()).fetchall())
        return rows, time.perf_counter() - began
