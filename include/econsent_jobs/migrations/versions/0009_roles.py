"""A database role for each program, with its time-outs and a planner that never opens other companies' partitions.

Why per program: a fault or an intruder in one cannot do what only another may. What each may do is the next revision.
"""

from econsent_jobs.migrations.steps import refuse_downgrade, run_as_administrator

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_administrator(__file__)


def downgrade() -> None:
    refuse_downgrade()
