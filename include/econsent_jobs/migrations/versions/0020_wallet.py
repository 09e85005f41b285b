"""Posting costs the same for the last slice as for the first, however much a wallet has.

Why: the order in which usage is taken up had no index of its own, so a wallet with much usage of one moment was sorted anew for every
slice; and plans that a session had made while the ledger was small read the whole ledger for every slice later.
"""

from econsent_jobs.migrations.steps import refuse_downgrade, run_as_owner

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(__file__)


def downgrade() -> None:
    refuse_downgrade()
