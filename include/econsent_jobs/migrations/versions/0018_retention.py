"""Retention's enforcement: marks with their rule, a Merkle log of what was deleted, roots under lock, and the guard's questions.

Why in the database: a deletion and what proves it are one transaction, and whoever retains automatically does it by one function.
"""

from econsent_jobs.migrations.steps import refuse_downgrade, run_as_owner

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(__file__)


def downgrade() -> None:
    refuse_downgrade()
