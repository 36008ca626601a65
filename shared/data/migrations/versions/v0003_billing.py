"""What the billing needs: each call to Stripe is a row, written before it is made."""

from alembic import op

from shared.data.migrations.tables import change, create, instant, number, of, one_of, text

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    create(
        "billing_steps",
        number(),
        of("tenants"),
        text("occasion"),
        text("step"),
        text("key"),
        text("parameters"),
        text("state"),
        text("stripe_id", null=True),
        text("error", null=True),
        instant("created_at"),
        instant("changed_at"),
        unique=["key"],
        checks={
            "step": one_of("step", "invoice", "item", "finalise"),
            "state": one_of("state", "open", "done", "failed"),
        },
        indexes=[("tenant_id", "occasion", "id"), ("state", "tenant_id")],
    )
    change(
        "tenant_billings",
        [instant("claimed_until", null=True)],
        indexes=[("state", "tenant_id")],
    )
    for columns in (["status", "currency", "amount_minor"], ["created_at", "id"]):
        op.create_index(op.f(f"ix_no_show_fees_{'_'.join(columns)}"), "no_show_fees", columns)
