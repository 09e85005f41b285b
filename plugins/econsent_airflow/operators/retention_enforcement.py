"""Composition roots of retention enforcement: a step, the question to a second person, and the night's end."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, Final

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Context
from airflow.sdk.configuration import conf

from econsent_airflow.connections import ARCHIVE_RETENTION, open_database, open_object_store, suppression_keys
from econsent_airflow.job_operator import JobOperator
from econsent_jobs.core.limits import Limits
from econsent_jobs.core.results import JobResult
from econsent_jobs.retention_enforcement import enforce
from econsent_jobs.retention_enforcement.approval import Question, answer, asked
from econsent_jobs.retention_enforcement.model import Settings
from econsent_jobs.retention_enforcement.rules.guard import ANSWER_WITHIN
from econsent_jobs.retention_enforcement.store import PostgresStore
from econsent_jobs.retention_enforcement.tools import real_tools

STEM: Final = "retention_enforcement"
REFUSE: Final = "Refuse all"
NAMES: Final[dict[str, Any]] = {
    "batch_size": "{{ params.batch_size }}",
    "run_seconds": "{{ params.run_seconds }}",
    "grace_days": "{{ params.grace_days }}",
    "repair_orphans": "{{ params.repair_orphans }}",
    "efs_base": "{{ var.value.econsent_efs_base }}",
    "archive_bucket": "{{ var.value.econsent_archive_bucket }}",
    "audit_bucket": "{{ var.value.econsent_audit_bucket }}",
    "pool": "retention_enforcement",
}
"""What all steps of the DAG have in common, for its ``default_args``."""


class Step(JobOperator):
    """Run one step for every company, or begin nothing new after ``run_seconds``.

    ``step`` is the task's id unless said. ``grace_days``: how long what is marked can still be kept. The rest names buckets and the folder
    of recordings. All but ``step`` are templated.
    """

    sends_mail: ClassVar[bool] = True
    template_fields: Sequence[str] = (
        *JobOperator.template_fields,
        "batch_size",
        "efs_base",
        "archive_bucket",
        "audit_bucket",
        "grace_days",
        "repair_orphans",
        "run_id",
    )

    def __init__(
        self,
        *,
        batch_size: int | str,
        efs_base: str,
        archive_bucket: str,
        audit_bucket: str,
        grace_days: int | str,
        repair_orphans: bool | str = False,
        step: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.step = step or self.task_id
        self.batch_size = batch_size
        self.efs_base = efs_base
        self.archive_bucket = archive_bucket
        self.audit_bucket = audit_bucket
        self.grace_days = grace_days
        self.repair_orphans = repair_orphans
        self.run_id = "{{ run_id }}"

    def run_job(self) -> JobResult:
        keys = suppression_keys()
        settings = Settings(
            run_id=str(self.run_id),
            grace=timedelta(days=int(self.grace_days)),
            suppression_key_id=keys.key_id,
            suppression_key=keys.key,
            repair_orphans=self.repair_orphans is True,
            task_logs=conf.get("logging", "base_log_folder"),
        )
        with open_database(STEM) as database, open_object_store(ARCHIVE_RETENTION) as client:
            tools = real_tools(
                database=database,
                client=client,
                bucket=self.archive_bucket,
                audit_bucket=self.audit_bucket,
                efs_base=Path(self.efs_base),
                settings=settings,
            )
            return enforce(self.step, tools=tools, limits=Limits(batch_size=int(self.batch_size), run_seconds=float(self.run_seconds)))


class Approve(HITLOperator):
    """Ask a second person about what the mass-delete guard refused in this run; with nothing refused it ends at once.

    Each company is an option of Airflow's own approval task; what is not chosen is refused, and unanswered means refused.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            subject="Mass deletion: approve it?",
            options=[REFUSE],
            defaults=[REFUSE],
            multiple=True,
            response_timeout=ANSWER_WITHIN,
            **kwargs,
        )

    def execute(self, context: Context) -> Any:
        """Return at once, or wait for the answer."""
        questions = self._questions(context)
        if not questions:
            self.log.info("Nothing was refused, so nobody is asked")
            return JobResult().as_dict()
        self.options = options_of(questions)
        self.body = "\n".join(f"- **{question.name}** (`{question.company_id}`): {question.sentence}" for question in questions)
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Write the answer down. Raises PermanentError where the person who answers is the one who started the run."""
        questions = self._questions(context)
        self.options = options_of(questions)
        chosen = super().execute_complete(context, event)
        person = chosen["responded_by_user"]
        who = person["name"] if person else "nobody: unanswered for four hours"
        approved = [] if REFUSE in chosen["chosen_options"] else chosen["chosen_options"]
        with open_database(STEM) as database:
            result = answer(
                PostgresStore(database),
                run_id=context["run_id"],
                approved=approved,
                by=who,
                started_by=getattr(context["dag_run"], "triggering_user_name", None),
            )
        return result.as_dict()

    def _questions(self, context: Context) -> Sequence[Question]:
        with open_database(STEM) as database:
            return asked(PostgresStore(database), run_id=context["run_id"])


class Conclude(JobOperator):
    """The last task: it succeeds only where every step did, so that a run with a failed step is not green."""

    def run_job(self) -> JobResult:
        return JobResult()


def options_of(questions: Sequence[Question]) -> list[str]:
    return [REFUSE, *(question.company_id for question in questions)]
