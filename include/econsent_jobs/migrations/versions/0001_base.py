"""Companies and what every job needs of them: properties, templates, sessions, the audit trail and the mail outbox.

Why first: everything else refers to a company. Sessions are partitioned by company, because a tenant's rows lie apart from all others'.
"""

from econsent_jobs.migrations.steps import refuse_downgrade, run_as_owner

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(__file__)


def downgrade() -> None:
    refuse_downgrade()
