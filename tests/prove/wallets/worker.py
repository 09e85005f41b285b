"""A worker of wallet reconciliation that may be killed: the job as its operator runs it, forked from a warmed parent.

Its clock is a file, so that whoever drives the proof moves the time of every worker at once.
"""

import logging
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg

from econsent_jobs.core.errors import EconsentError
from econsent_jobs.core.limits import Limits
from econsent_jobs.io.database import database_errors
from econsent_jobs.io.payments_sandbox import SandboxProvider
from econsent_jobs.wallet_reconciliation import reconcile_wallets
from econsent_jobs.wallet_reconciliation.model import Settings
from econsent_jobs.wallet_reconciliation.tools import real_tools


def warm(setting: dict[str, Any]) -> None:
    """Load what every worker needs. ``setting`` is empty."""
    logging.getLogger().addHandler(logging.NullHandler())  # what is set aside is part of every case; its lines would hide the rest
    httpx.Client(trust_env=False).close()


def work(warmed: None, errand: dict[str, Any]) -> dict[str, Any]:
    """Run the job once. The report is its result, or ``{"raised": sentence}`` where the run itself could not go on."""
    clock = Path(errand["clock"])
    raised: dict[str, Any] = {"raised": "the connection's end failed"}
    with suppress(psycopg.Error):  # a connection that is gone cannot be closed in order
        try:
            with database_errors(), psycopg.connect(errand["database"], autocommit=True) as database:
                return reconcile_wallets(
                    tools=real_tools(
                        database=database,
                        provider=SandboxProvider(url=errand["provider"], token=errand["token"], timeout_seconds=30),
                        settings=Settings(run_id=errand["run_id"], lock_seconds=errand["lock_seconds"], smallest_slice=1),
                        moment=lambda: datetime.fromisoformat(clock.read_text(encoding="utf-8")),
                    ),
                    limits=Limits(batch_size=errand["batch_size"], run_seconds=60),
                ).as_dict()
        except EconsentError as error:
            raised = {"raised": str(error)}
    return raised
