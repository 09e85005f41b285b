"""``create_company()``: a company with its wallet, its retention settings and its partitions, and default partitions that stay empty.

Why a function: the platform's role may create a company but may run no DDL, and rows of a company without partitions cannot be moved later.
"""

from econsent_jobs.migrations.steps import refuse_downgrade, run_as_owner

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(__file__)


def downgrade() -> None:
    refuse_downgrade()
