"""What each role may read and write: column by column where a program changes only some of a row.

Why so narrow: rows of evidence are worth what the list of those who could have changed them is worth.
"""

from econsent_jobs.migrations.steps import refuse_downgrade, run_as_owner

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(__file__)


def downgrade() -> None:
    refuse_downgrade()
