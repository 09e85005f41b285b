"""Since when each search index is proven whole.

Why: a closing account waits until nothing of it is left in the index. An empty outbox says only that all was sent; a round of proof that
began after the account's last change says that nothing else is there either.
"""

from econsent_jobs.migrations.steps import refuse_downgrade, run_as_owner

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(__file__)


def downgrade() -> None:
    refuse_downgrade()
