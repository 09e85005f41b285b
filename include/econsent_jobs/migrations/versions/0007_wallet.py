"""The wallet: prices, usage, payments and an append-only ledger that is the truth about every balance.

Why append-only: a balance is only believed when it can be added up again from rows that nobody could change.
"""

from econsent_jobs.migrations.steps import refuse_downgrade, run_as_owner

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(__file__)


def downgrade() -> None:
    refuse_downgrade()
