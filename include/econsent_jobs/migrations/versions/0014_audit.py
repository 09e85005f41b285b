"""The audit trail gets its sequencer, and Cron Management its history.

Why: Airflow overwrites the times of a cleared run and forgets what was cleaned, so executions, pauses, outages and incidents are kept
here, beside the audit trail that is their truth. One process, the watch, copies and seals; the page reads, and writes down nothing but
why a job is paused. The chain is computed inside PostgreSQL, so that one statement takes, orders and seals, and nothing comes between.
"""

from alembic import op

from econsent_jobs.migrations.steps import refuse_downgrade, run_as_owner

revision = "0014"
down_revision = "0011"
branch_labels = None
depends_on = None

MAKE_ROLES = """
RESET ROLE;
SELECT econsent.ensure_role('econsent_watch', '5min');
SELECT econsent.ensure_role('econsent_cron_management', '5s');
SET LOCAL ROLE econsent_migrator;
"""


def upgrade() -> None:
    op.get_bind().execution_options(no_parameters=True).exec_driver_sql(MAKE_ROLES)  # roles are the administrator's to make
    run_as_owner(__file__)


def downgrade() -> None:
    refuse_downgrade()
