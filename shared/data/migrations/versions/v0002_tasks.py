"""What the tasks need: the tables that were there get new columns, types and names for their
constraints, and the others are created.

Of old rows, what is not known is filled so that it does no harm: a tenant's zone is UTC, by which
its wall times become instants, and no tenant charges fees.
"""

import sqlalchemy as sa
from alembic import op

from shared.data.migrations.tables import (
    change,
    create,
    currency,
    date,
    instant,
    is_postgres,
    large,
    name_constraints,
    number,
    number_ids,
    of,
    one_of,
    text,
    whole,
)

revision = "0002"
down_revision = "0001"

_BEFORE = ("tenants", "users", "owners", "pets", "vaccinations", "appointments", "costs")


def upgrade() -> None:
    if is_postgres():
        name_constraints(_BEFORE)
    _people()
    _vaccinations()
    _appointments()
    _costs()
    if is_postgres():
        number_ids(_BEFORE)
    _fees()
    _reputations()
    _income()
    _usage()
    _billing()


def _people() -> None:
    change(
        "tenants",
        [
            text("timezone"),
            text("language"),
            currency(),
            whole("no_show_fee_minor", null=True),
            whole("no_show_grace_minutes", null=True),
            whole("sms_daily_limit", null=True),
            whole("sms_daily_spend_minor", null=True),
            currency("sms_currency"),
        ],
        fill={
            "timezone": "'UTC'",
            "language": "'en'",
            "currency": "'USD'",
            "sms_currency": "'USD'",
        },
    )
    roles = one_of("role", "system_admin", "tenant_admin", "staff")
    op.execute(f"UPDATE users SET role = 'staff' WHERE NOT {roles}")  # noqa: S608
    change("users", checks={"role": roles})
    change(
        "owners",
        [
            text("timezone", null=True),
            text("language", null=True),
            text("stripe_customer_id", null=True),
        ],
        types={} if is_postgres() else {"sms_opted_in": sa.Boolean()},
        indexes=[("tenant_id", "id"), ("phone",)],
    )
    change("pets", indexes=[("owner_id", "id")])


def _vaccinations() -> None:
    day = "CAST(expires_at AS date)" if is_postgres() else "date(expires_at)"
    today = "CURRENT_DATE" if is_postgres() else "date('now')"
    change(
        "vaccinations",
        [of("tenants"), date("expires_on"), text("status")],
        fill={
            "tenant_id": _tenant_of("vaccinations"),
            "expires_on": day,
            "status": f"CASE WHEN {day} < {today} THEN 'expired' ELSE 'valid' END",
        },
        drop=["expires_at"],
        checks={"status": one_of("status", "valid", "expiring", "expired")},
        indexes=[("tenant_id", "status", "expires_on", "id"), ("pet_id", "kind", "expires_on")],
    )


def _appointments() -> None:
    start = "starts_at AT TIME ZONE 'UTC'"
    if not is_postgres():
        start = "strftime('%Y-%m-%d %H:%M:%f', starts_at) || '000'"
    states = one_of("status", "planned", "arrived", "done", "cancelled", "no_show")
    change(
        "appointments",
        [
            of("tenants"),
            instant("starts"),
            instant("booked_at", null=True),
            instant("cancelled_at", null=True),
            instant("no_show_at", null=True),
        ],
        fill={
            "tenant_id": _tenant_of("appointments"),
            "starts": start,
            "no_show_at": f"CASE WHEN status = 'missed' THEN {start} END",
            "status": "CASE WHEN status = 'missed' THEN 'no_show' ELSE status END",
        },
        drop=["starts_at"],
        rename={"starts": "starts_at"},
        checks={"status": states},
        indexes=[("tenant_id", "status", "starts_at", "id"), ("pet_id", "no_show_at")],
    )


def _tenant_of(table: str) -> str:
    return (
        "(SELECT owners.tenant_id FROM pets JOIN owners ON owners.id = pets.owner_id "  # noqa: S608
        f"WHERE pets.id = {table}.pet_id)"
    )


def _costs() -> None:
    minor = "round(amount * 100)"
    if not is_postgres():
        minor = "CAST(round(CAST(amount AS REAL) * 100) AS INTEGER)"
    change(
        "costs",
        [date("on_day"), large("amount_minor"), currency()],
        fill={
            "on_day": "CAST(day AS date)" if is_postgres() else "date(day)",
            "amount_minor": minor,
            "currency": "'USD'",
        },
        drop=["day", "amount"],
        rename={"on_day": "day", "service": "category"},
    )
    op.create_index(op.f("ix_costs_day_category"), "costs", ["day", "category"])


def _fees() -> None:
    create(
        "no_show_fees",
        number(),
        of("tenants"),
        of("appointments"),
        of("owners"),
        large("amount_minor"),
        currency(),
        text("status"),
        instant("created_at"),
        text("stripe_item_id", null=True),
        text("stripe_invoice_id", null=True),
        text("error", null=True),
        unique=["appointment_id"],
        checks={
            "status": one_of("status", "due", "invoiced", "paid", "waived", "failed"),
            "amount_minor": "amount_minor > 0",
        },
        indexes=[("tenant_id", "status", "id"), ("tenant_id", "created_at", "id")],
    )


def _reputations() -> None:
    create(
        "reputations",
        of("owners", key=True),
        of("tenants"),
        whole("score"),
        date("good_since"),
        checks={"score": "score BETWEEN 0 AND 100"},
        indexes=[("tenant_id", "owner_id")],
    )
    create(
        "reputation_changes",
        number(),
        of("owners"),
        date("week_on"),
        whole("score_before"),
        whole("score_after"),
        whole("no_shows"),
        whole("recovered"),
        instant("created_at"),
        unique=["owner_id", "week_on"],
        checks={name: f"{name} BETWEEN 0 AND 100" for name in ("score_before", "score_after")},
    )


def _income() -> None:
    create(
        "revenues",
        number(),
        of("tenants"),
        date("day"),
        text("source"),
        large("amount_minor"),
        currency(),
        indexes=[("day", "source")],
    )
    create("partners", number(), text("name"), text("email", null=True))
    create(
        "commissions",
        number(),
        of("partners"),
        of("tenants"),
        date("day"),
        large("amount_minor"),
        currency(),
        unique=["partner_id", "tenant_id", "day"],
        indexes=[("day", "partner_id")],
    )


def _usage() -> None:
    create(
        "usage_days",
        number(),
        of("tenants"),
        text("counter"),
        date("day"),
        large("value"),
        instant("closed_at", null=True),
        unique=["tenant_id", "counter", "day"],
    )
    open_days = sa.text("closed_at IS NULL")
    op.create_index(
        op.f("ix_usage_days_tenant_id_day_id"),
        "usage_days",
        ["tenant_id", "day", "id"],
        postgresql_where=open_days,
        sqlite_where=open_days,
    )


def _billing() -> None:
    create(
        "billing_switch",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        instant("paused_at", null=True),
        date("paused_for", null=True),
        large("spent_minor", null=True),
        large("limit_minor", null=True),
        currency(null=True),
        instant("resumed_at", null=True),
        text("resumed_by", null=True),
        date("resumed_for", null=True),
        checks={"id": "id = 1"},
    )
    create(
        "tenant_billings",
        of("tenants", key=True),
        text("stripe_subscription_id", null=True),
        text("state"),
        instant("changed_at", null=True),
        text("error", null=True),
        checks={"state": one_of("state", "active", "pausing", "paused", "resuming")},
    )
