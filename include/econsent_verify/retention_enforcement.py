"""``./econsent verify retention_enforcement``: prove from outside that exactly what had to go is gone, and that all of it can be proved.

Every leaf, chunk and root of the log is computed again; every tombstone stands for one row, of which nothing is left; every root and
certificate of destruction lies under its lock; everything that is kept is there in its bytes; nothing went under a lock or a hold; nothing
personal is left where it was erased. It only reads. ``--proof FILE`` verifies one proof, offline.

Exit code 0: everything holds. 1: there are findings. 2: it could not run.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

import psycopg

from econsent_jobs.io.command_line import time_of
from econsent_jobs.io.database import first_line
from econsent_jobs.io.environment import connection_of, conninfo_of
from econsent_jobs.io.object_store import PermanentError, TransientError
from econsent_jobs.io.object_versions import ObjectVersions
from econsent_jobs.io.s3_client import client_of
from econsent_verify.retention_enforcement_checks.findings import Report
from econsent_verify.retention_enforcement_checks.merkle import proves
from econsent_verify.retention_enforcement_checks.walk import Stores, verify

DATABASE: Final = "AIRFLOW_CONN_ECONSENT_VERIFY_DATABASE"
ARCHIVE: Final = "AIRFLOW_CONN_ECONSENT_ARCHIVE_VERIFY"
ARCHIVE_BUCKET: Final = "AIRFLOW_VAR_ECONSENT_ARCHIVE_BUCKET"
AUDIT_BUCKET: Final = "AIRFLOW_VAR_ECONSENT_AUDIT_BUCKET"
EFS: Final = "AIRFLOW_VAR_ECONSENT_EFS_BASE"


def main(argv: list[str], environment: Mapping[str, str] = os.environ) -> int:
    options = parser().parse_args(argv)
    if options.proof is not None:
        return check_proof(options.proof)
    try:
        report = run(environment, since=options.since)
    except (PermanentError, TransientError) as error:
        return tell(error.reason)
    except psycopg.Error as error:
        return tell(f"eConsent's database could not be read ({first_line(error)}): look at ./econsent doctor and verify again.")
    print(json.dumps(as_dict(report)) if options.json else in_words(report))
    return 1 if report.found else 0


def parser() -> argparse.ArgumentParser:
    words = argparse.ArgumentParser(
        prog="./econsent verify retention_enforcement",
        description="Proves from outside that what had to go is gone and what is kept is there, and that the log proves it. It only reads.",
        epilog="Ends with 0 when everything holds, 1 with findings, 2 when it could not run.",
    )
    words.add_argument("--proof", metavar="FILE", type=Path, help="verify one proof of ./econsent retention prove, offline")
    words.add_argument(
        "--since",
        metavar="TIME",
        type=time_of,
        help="ask the buckets only for what was deleted or sealed since, such as 2026-03-01; the log is computed whole all the same",
    )
    words.add_argument("--json", action="store_true", help="print one JSON object on one line")
    return words


def check_proof(path: Path) -> int:
    """Verify a proof that lies in a file."""
    try:
        proof = json.loads(path.read_text(encoding="utf-8"))
        good = proves(proof)
    except (OSError, ValueError, KeyError) as error:
        return tell(f"The proof cannot be read ({first_line(error)}): give a file that ./econsent retention prove wrote.")
    if good:
        print(f"The proof holds: compare its root {proof['root']} with the one in {proof['rootObject']['key']}, which lies under lock.")
    else:
        print("The proof does not lead to its root.")
    return 0 if good else 1


def run(environment: Mapping[str, str], *, since: datetime | None = None) -> Report:
    """Open what the environment names and verify it. Raises PermanentError, TransientError and psycopg.Error."""
    connection = connection_of(environment, ARCHIVE)
    with psycopg.connect(conninfo_of(environment, DATABASE), autocommit=True) as database, client_of(connection) as client:
        stores = Stores(
            database=database,
            archive=ObjectVersions(client, environment[ARCHIVE_BUCKET]),
            audit=ObjectVersions(client, environment[AUDIT_BUCKET]),
            efs_base=Path(environment[EFS]),
        )
        return verify(stores, since=since)


def as_dict(report: Report) -> dict[str, object]:
    return {
        "tombstones": report.tombstones,
        "objects": report.objects,
        "found": report.found,
        "seconds": round(report.seconds, 3),
        "findings": [str(finding) for finding in report.findings],
    }


def in_words(report: Report) -> str:
    lines = [str(finding) for finding in report.findings]
    if report.found > len(report.findings):
        lines.append(f"… and {report.found - len(report.findings)} more")
    looked = f"{report.tombstones} tombstones and {report.objects} objects in {report.seconds:.1f} s"
    return "\n".join([*lines, f"{looked}: {f'{report.found} findings' if report.found else 'everything holds'}."])


def tell(sentence: str) -> int:
    sys.stdout.flush()
    sys.stderr.write(f"{sentence}\n")
    return 2
