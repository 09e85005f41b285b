"""Cron Management ends a pause in its history itself.

Why: only the watch could, seconds after a job was resumed, and a job paused again within them kept the reason of the pause before.
"""

from econsent_jobs.migrations.steps import refuse_downgrade, run_as_owner

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(__file__)


def downgrade() -> None:
    refuse_downgrade()
