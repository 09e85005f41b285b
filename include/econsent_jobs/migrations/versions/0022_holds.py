"""Holds that are over forget whom they were about, when that person asks to be forgotten.

Why: the e-mail address or number of a released hold stayed in its row for good.
"""

from econsent_jobs.migrations.steps import refuse_downgrade, run_as_owner

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(__file__)


def downgrade() -> None:
    refuse_downgrade()
