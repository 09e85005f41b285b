"""How far the comparison of the archive with its rows has come.

Why: a bucket that is larger than one night can list was compared from its beginning each night, and its end never.
"""

from econsent_jobs.migrations.steps import refuse_downgrade, run_as_owner

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(__file__)


def downgrade() -> None:
    refuse_downgrade()
