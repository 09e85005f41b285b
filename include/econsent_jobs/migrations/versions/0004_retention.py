"""Retention: settings, quota, stored objects, holds, tombstones, deletion requests and claim links.

Why one row per retention and per object: counts and proofs are derived from rows, never from counters.
"""

from econsent_jobs.migrations.steps import refuse_downgrade, run_as_owner

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(__file__)


def downgrade() -> None:
    refuse_downgrade()
