"""A file on the shared file system has one row for good.

Why: a run that was cut off between registering a file and deleting it could go on after another run had deleted it, register it anew, and
write a second tombstone for the one file.
"""

from econsent_jobs.migrations.steps import refuse_downgrade, run_as_owner

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(__file__)


def downgrade() -> None:
    refuse_downgrade()
