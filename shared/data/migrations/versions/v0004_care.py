"""What the pet-care tasks remember: which messages they asked for, and which weeks are settled."""

import sqlalchemy as sa
from alembic import op

from shared.data.migrations.tables import create, date, instant, number, of, text

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    create(
        "message_requests",
        number(),
        text("kind"),
        text("occasion"),
        instant("requested_at"),
        instant("over_at"),
        unique=["kind", "occasion"],
        indexes=[("over_at",)],
    )
    create("reputation_weeks", of("tenants", key=True), date("settled_on"))
    marked = sa.text("no_show_at IS NOT NULL")
    op.create_index(
        op.f("ix_appointments_tenant_id_no_show_at_id"),
        "appointments",
        ["tenant_id", "no_show_at", "id"],
        postgresql_where=marked,
        sqlite_where=marked,
    )
