"""Pages of the queues keep room for the lease that each row gets.

Why: a claim changes no indexed column. With room on the row's own page PostgreSQL writes no index for it (a heap-only tuple);
without, every claim of a full page wrote all of the table's indexes.
"""

from econsent_jobs.migrations.steps import refuse_downgrade, run_as_owner

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(__file__)


def downgrade() -> None:
    refuse_downgrade()
