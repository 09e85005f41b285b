"""Whose work a log line tells of, as a field of its own: the sentence is for people, the field for whoever filters the logs of a fleet."""

from contextlib import AbstractContextManager

from structlog.contextvars import bound_contextvars


def about(company_id: str) -> AbstractContextManager[None]:
    """Give every line that this thread or task logs within the field ``company_id``, beside the run and the job that Airflow adds."""
    return bound_contextvars(company_id=company_id)
