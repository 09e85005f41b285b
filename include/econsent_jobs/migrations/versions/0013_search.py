"""The proof of the search index has a place to stand: how far a round came, and what kinds of drift it found.

Why a check on the outbox's key: a claim reads it as a number, and one row that is none would stop every run.
"""

from econsent_jobs.migrations.steps import refuse_downgrade, run_as_owner

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(__file__)


def downgrade() -> None:
    refuse_downgrade()
