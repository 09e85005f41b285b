"""Certificates, their attestations, and the queue and sealed bytes of certificate processing.

Why a queue beside the table: a claim over a thousand partitions takes seconds and thousands of locks, over one small table neither.
"""

from econsent_jobs.migrations.steps import refuse_downgrade, run_as_owner

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(__file__)


def downgrade() -> None:
    refuse_downgrade()
