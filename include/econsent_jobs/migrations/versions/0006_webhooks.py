"""Webhooks: endpoints, secrets, events, deliveries and attempts.

Why the body is stored as bytes: its signature must stay the same over all tries.
"""

from econsent_jobs.migrations.steps import refuse_downgrade, run_as_owner

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(__file__)


def downgrade() -> None:
    refuse_downgrade()
