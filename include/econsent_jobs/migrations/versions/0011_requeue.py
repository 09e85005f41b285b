"""A failed certificate may be put back into the queue, and a certificate's stored objects are found by its number.

Why a trigger: putting back removes what an earlier try computed and fills the queue, which no job's role may do by itself. Why an index:
a person who asks about one certificate, and whoever proves all of them, would else read every stored object for each.
"""

from econsent_jobs.migrations.steps import refuse_downgrade, run_as_owner

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(__file__)


def downgrade() -> None:
    refuse_downgrade()
