"""The search outbox: one row per document whose newest version is not in the index yet, raised by triggers.

Why triggers: a change of a certificate that no row announces would never reach the index, a revocation among them.
"""

from econsent_jobs.migrations.steps import refuse_downgrade, run_as_owner

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(__file__)


def downgrade() -> None:
    refuse_downgrade()
