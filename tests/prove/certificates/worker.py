"""A worker of certificate processing that may be killed: the job as its operator runs it, forked from a warmed parent."""

import logging
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from econsent_jobs.certificate_processing import process_certificates
from econsent_jobs.certificate_processing.archive import S3Archive
from econsent_jobs.certificate_processing.job import Tools
from econsent_jobs.certificate_processing.languages import LanguageDetector
from econsent_jobs.certificate_processing.model import Settings, SigningKey
from econsent_jobs.certificate_processing.recordings import EfsRecordings
from econsent_jobs.certificate_processing.store import PostgresStore
from econsent_jobs.core.clock import SystemClock
from econsent_jobs.core.errors import EconsentError
from econsent_jobs.core.limits import Limits
from econsent_jobs.io.database import database_errors
from econsent_jobs.io.efs import SharedFiles
from econsent_jobs.io.object_store import LockedObjectStore
from tests.prove.harness.s3_clients import Clients, warmed_clients


@dataclass(frozen=True, slots=True, kw_only=True)
class Warmed:
    """What every worker inherits."""

    languages: LanguageDetector
    clients: Clients


def warm(setting: dict[str, Any]) -> Warmed:
    """Load models and client definitions. ``setting``: what the clients need, and ``texts`` in the workers' languages."""
    logging.getLogger().addHandler(logging.NullHandler())  # bad certificates are part of every case; their lines would hide the rest
    languages = LanguageDetector()
    for text in setting["texts"]:
        languages.detect(text)
    return Warmed(languages=languages, clients=warmed_clients(setting))


def work(warmed: Warmed, errand: dict[str, Any]) -> dict[str, Any]:
    """Run the job once. The report is its result, or ``{"raised": sentence}`` where the run itself could not go on."""
    raised: dict[str, Any] = {"raised": "the connection's end failed"}
    with suppress(psycopg.Error):  # a connection that is gone cannot be closed in order
        try:
            with database_errors(), psycopg.connect(errand["database"], autocommit=True) as database:
                return process_certificates(
                    tools=tools_of(warmed, errand, database),
                    limits=Limits(batch_size=errand["batch_size"], run_seconds=60),
                ).as_dict()
        except EconsentError as error:
            raised = {"raised": str(error)}
    return raised


def tools_of(warmed: Warmed, errand: dict[str, Any], database: psycopg.Connection[Any]) -> Tools:
    client = warmed.clients[errand["endpoint"], errand["attempts"]]
    return Tools(
        store=PostgresStore(database),
        archive=S3Archive(LockedObjectStore(client, errand["bucket"]), threads=errand["threads"]),
        recordings=EfsRecordings(SharedFiles(Path(errand["efs"]))),
        languages=warmed.languages,
        settings=Settings(
            signing_key=SigningKey(key_id=errand["key_id"], secret=errand["key"].encode()),
            character_unit=errand["unit"],
        ),
        clock=SystemClock(),
    )
