"""Lanes take turns over companies, a conversion says what it left out, and work that comes wakes a run.

Why a table of turns: who was served last decides who is next, and asking the conversions themselves would read every video ever made.
"""

from econsent_jobs.migrations.steps import refuse_downgrade, run_as_owner

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(__file__)


def downgrade() -> None:
    refuse_downgrade()
