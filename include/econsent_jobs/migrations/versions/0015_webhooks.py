"""Webhooks as the job needs them: woken by events, fair between endpoints, and every way to fail with a word of its own.

Why the counters on endpoints: an endpoint's circuit, its rate and its 72 hours outlive a run and are shared by lanes. Why a trigger resets
them: whoever re-enables or pauses an endpoint, the platform or a person, begins its 72 hours anew. Why a body can only be dropped: the
bytes that were signed are never others.
"""

from econsent_jobs.migrations.steps import refuse_downgrade, run_as_owner

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(__file__)


def downgrade() -> None:
    refuse_downgrade()
