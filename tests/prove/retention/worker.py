"""A worker of retention that may be killed: a whole night, step by step as its tasks run it, forked from a warmed parent."""

import logging
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import psycopg

from econsent_jobs.core.errors import EconsentError
from econsent_jobs.core.limits import Limits
from econsent_jobs.core.results import JobResult
from econsent_jobs.io.database import database_errors
from econsent_jobs.retention_enforcement import enforce
from econsent_jobs.retention_enforcement.model import Settings
from econsent_jobs.retention_enforcement.tools import Tools, real_tools
from tests.prove.harness.s3_clients import Clients, warmed_clients

KEY: Final = b"a key of the proof, of 32 bytes."


def warm(setting: dict[str, Any]) -> Clients:
    """Load what every worker needs. ``setting``: what the S3 clients need."""
    logging.getLogger().addHandler(logging.NullHandler())  # a refused version is part of every case; its lines would hide the rest
    return warmed_clients(setting)


def work(clients: Clients, errand: dict[str, Any]) -> dict[str, Any]:
    """Run a night once. The report is the sum of its steps, or ``{"raised": sentence}`` where the run itself could not go on."""
    raised: dict[str, Any] = {"raised": "the connection's end failed"}
    with suppress(psycopg.Error):  # a connection that is gone cannot be closed in order
        try:
            with database_errors(), psycopg.connect(errand["database"], autocommit=True) as database:
                tools, limits = tools_of(clients, errand, database), Limits(batch_size=errand["batch_size"], run_seconds=60)
                return sum((enforce(step, tools=tools, limits=limits) for step in errand["steps"]), JobResult()).as_dict()
        except EconsentError as error:
            raised = {"raised": str(error)}
    return raised


def tools_of(clients: Clients, errand: dict[str, Any], database: psycopg.Connection[Any]) -> Tools:
    return real_tools(
        database=database,
        client=clients[errand["endpoint"], errand["attempts"]],
        bucket=errand["bucket"],
        audit_bucket=errand["audit_bucket"],
        efs_base=Path(errand["efs"]),
        settings=Settings(run_id=errand["run_id"], suppression_key_id="key-1", suppression_key=KEY),
    )
