"""Due mail is sent by a role of its own, and mail that can never be sent leaves the queue.

Why a role: jobs write mail in their own transactions and read none; whoever sends has to read addresses and bodies. Why a column: a
refused address would else be tried for ever, and would stand before everything that is due.
"""

from econsent_jobs.migrations.steps import refuse_downgrade, run_as_owner

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(__file__)


def downgrade() -> None:
    refuse_downgrade()
