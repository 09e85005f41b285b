"""The queue of video conversions, filled by a trigger on sessions.

Why a trigger: the documented Retain API sets only the session's columns, and no conversion may be forgotten.
"""

from econsent_jobs.migrations.steps import refuse_downgrade, run_as_owner

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(__file__)


def downgrade() -> None:
    refuse_downgrade()
