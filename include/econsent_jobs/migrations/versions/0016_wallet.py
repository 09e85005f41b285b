"""The ledger's only door, its hash chain, and the tables that refuse wrong money by themselves.

Why a function: a slice of entries gets its numbers, balances and hashes under the wallet's lock, from whoever may call it, and nobody can
write an entry past it.
"""

from econsent_jobs.migrations.steps import refuse_downgrade, run_as_owner

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(__file__)


def downgrade() -> None:
    refuse_downgrade()
