"""What the marketing cycle keeps: its weeks, its campaigns, and who is in them."""

import sqlalchemy as sa
from alembic import op

from shared.data.migrations.tables import create, date, instant, number, of, one_of, text, whole

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    create(
        "marketing_cycles",
        of("tenants", key=True),
        sa.Column("week_on", sa.Date, nullable=False, primary_key=True),
        instant("due_at"),
        text("figures"),
        text("recommendations"),
        indexes=[("week_on", "tenant_id")],
    )
    create(
        "campaigns",
        number(),
        of("tenants"),
        text("rule"),
        date("week_on"),
        text("segment"),
        text("template"),
        text("channel"),
        whole("hold_out_percent"),
        text("figures"),
        text("state"),
        text("reason", null=True),
        whole("recipient_count"),
        whole("held_out_count"),
        text("digest", null=True),
        text("schedule_id"),
        text("job_id"),
        instant("created_at"),
        instant("valid_until"),
        instant("started_at", null=True),
        instant("ended_at", null=True),
        text("effect", null=True),
        instant("measured_at", null=True),
        unique=["tenant_id", "rule", "week_on"],
        checks={
            "state": one_of("state", "freezing", "proposed", "sending", "sent", "closed"),
            "hold_out_percent": "hold_out_percent BETWEEN 0 AND 90",
        },
        indexes=[("tenant_id", "id")],
    )
    create(
        "campaign_recipients",
        number(),
        of("campaigns"),
        of("owners"),
        text("part"),
        text("notification_id", null=True),
        text("status", null=True),
        text("error", null=True),
        unique=["campaign_id", "owner_id"],
        checks={"part": one_of("part", "written_to", "held_out")},
        indexes=[("campaign_id", "part", "id"), ("owner_id", "campaign_id")],
    )
    booked = sa.text("booked_at IS NOT NULL")
    op.create_index(
        op.f("ix_appointments_tenant_id_booked_at_id"),
        "appointments",
        ["tenant_id", "booked_at", "id"],
        postgresql_where=booked,
        sqlite_where=booked,
    )
