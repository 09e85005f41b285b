"""The audit trail gets its sequencer, and Cron Management its history.

Why: Airflow overwrites the times of a cleared run and forgets what was cleaned, so executions, pauses, outages and incidents are kept
here, beside the audit trail that is their truth. One process, the watch, copies and seals; the page reads, and writes down nothing but
why a job is paused. The chain is computed inside PostgreSQL, so that one statement takes, orders and seals, and nothing comes between.
"""

from econsent_jobs.migrations.steps import refuse_downgrade, run_as_owner

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(__file__)


def downgrade() -> None:
    refuse_downgrade()
