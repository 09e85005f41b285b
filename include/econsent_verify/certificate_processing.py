"""``./econsent verify certificate_processing``: prove every stored certificate from the outside.

From the bytes in the archive alone it derives ids, hashes and signatures again, compares every column that repeats them, checks locks,
versions and delete markers, and that everything which has to follow from a certificate is there once. It only reads.

Exit code 0: everything holds. 1: there are findings. 2: it could not run, or a store could not be read to the end.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping
from typing import Any, Final

import psycopg
from botocore.exceptions import BotoCoreError, ClientError

from econsent_jobs.io.command_line import time_of
from econsent_jobs.io.database import first_line
from econsent_jobs.io.environment import NotConfigured, connection_of, conninfo_of
from econsent_verify.certificate_processing_checks.objects import LONGEST_DOCUMENT, S3Reader, open_reader
from econsent_verify.certificate_processing_checks.records import Database, connect
from econsent_verify.certificate_processing_checks.walk import Report, Scope, verify

DATABASE: Final = "AIRFLOW_CONN_ECONSENT_VERIFY_DATABASE"
ARCHIVE: Final = "AIRFLOW_CONN_ECONSENT_ARCHIVE_VERIFY"
SIGNING_KEY: Final = "AIRFLOW_CONN_ECONSENT_SIGNING_KEY"
BUCKET: Final = "AIRFLOW_VAR_ECONSENT_ARCHIVE_BUCKET"
PROGRESS_SECONDS: Final = 2.0


class CannotRun(Exception):
    """The verification cannot begin. The message says what to do."""


def main(argv: list[str], environment: Mapping[str, str] = os.environ) -> int:
    options = parser().parse_args(argv)
    scope = Scope(company_id=options.company, since=options.since, limit=options.limit)
    try:
        report = run(environment, scope)
    except NotConfigured as error:
        return tell(error.reason)
    except CannotRun as error:
        return tell(str(error))
    except psycopg.Error as error:
        return tell(f"eConsent's database could not be read ({first_line(error)}): look at ./econsent doctor and verify again.")
    except (BotoCoreError, ClientError) as error:
        return tell(f"The archive could not be read ({first_line(error)}): look at ./econsent doctor and verify again.")
    print(json.dumps(report.as_dict()) if options.json else in_words(report, scope))
    return 1 if report.found else 0


def parser() -> argparse.ArgumentParser:
    words = argparse.ArgumentParser(
        prog="./econsent verify certificate_processing",
        description="Proves every stored certificate from outside: derives ids, hashes and signatures again from the archive's bytes,"
        " compares the database with them, and checks locks, versions and completeness. It only reads.",
        epilog="Ends with 0 when everything holds, 1 with findings, 2 when it could not run. Orphaned objects are looked for only"
        " without --since and --limit.",
    )
    words.add_argument("--company", metavar="ID", help="one company instead of all")
    words.add_argument(
        "--since", metavar="TIME", type=time_of, help="only what was finalised or came in since, such as 2026-03-01 or 2026-03-01T09:30Z"
    )
    words.add_argument("--limit", metavar="N", type=positive, help="at most so many certificates")
    words.add_argument("--json", action="store_true", help="print one JSON object on one line")
    return words


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("a number of 1 or more is needed")
    return number


def run(environment: Mapping[str, str], scope: Scope) -> Report:
    """Open the stores that the environment names and verify them. Raises CannotRun, psycopg.Error, BotoCoreError and ClientError."""
    conninfo, keys = conninfo_of(environment, DATABASE), signing_keys(environment)
    with connect(conninfo) as connection:
        database = Database(connection)
        if scope.company_id is not None and not database.companies(scope.company_id):
            raise CannotRun(f"There is no company {scope.company_id}: leave --company out to verify all.")
        return verify(database, archive_of(environment, connections=scope.threads + 1), keys=keys, scope=scope, progress=ProgressLine())


def archive_of(environment: Mapping[str, str], *, connections: int, longest_bytes: int = LONGEST_DOCUMENT) -> S3Reader:
    """Open the archive that the environment names, for reading. Raises CannotRun and NotConfigured."""
    found, bucket = connection_of(environment, ARCHIVE), environment.get(BUCKET)
    if not bucket:
        raise CannotRun(f"{BUCKET} is not set, so nothing names the archive's bucket: start eConsent by ./econsent up, then verify again.")
    extra: dict[str, str] = found.get("extra") or {}
    return open_reader(
        endpoint_url=extra.get("endpoint_url"),
        region=extra.get("region_name"),
        login=found.get("login", ""),
        password=found.get("password", ""),
        bucket=bucket,
        connections=connections,
        longest_bytes=longest_bytes,
    )


def signing_keys(environment: Mapping[str, str]) -> dict[str, bytes]:
    """Return the current and the retired keys by id. A retired key verifies what it signed for as long as it is listed."""
    found = connection_of(environment, SIGNING_KEY)
    extra: dict[str, Any] = found.get("extra") or {}
    retired: dict[str, str] = extra.get("retired") or {}
    if not found.get("login") or not found.get("password"):
        raise CannotRun(f"{SIGNING_KEY} needs a key id as login and the key as password: add them and verify again.")
    return {name: secret.encode() for name, secret in {**retired, found["login"]: found["password"]}.items()}


class ProgressLine:
    """Says on stderr every two seconds how far it is."""

    def __init__(self) -> None:
        self._next = time.monotonic() + PROGRESS_SECONDS

    def __call__(self, report: Report) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + PROGRESS_SECONDS
            sys.stderr.write(f"… {report.certificates} certificates, {report.objects} objects, {report.found} findings\n")


def in_words(report: Report, scope: Scope) -> str:
    lines = [str(finding) for finding in report.findings]
    if report.found > len(report.findings):
        lines.append(f"… and {report.found - len(report.findings)} more")
    lines += [
        f"abandoned: {key}: left by a try that failed for good, exactly as it was sealed; its lock will end" for key in report.abandoned
    ]
    looked = f"{report.certificates} certificates ({report.finalised} finalised, {report.objects} objects) of {report.companies} companies"
    verdict = f"{report.found} findings" if report.found else "everything holds"
    part = "" if scope.whole else "; orphaned objects were not looked for, because this was a part"
    return "\n".join([*lines, f"{looked} in {report.seconds:.1f} s: {verdict}{part}."])


def tell(sentence: str) -> int:
    sys.stdout.flush()
    sys.stderr.write(f"{sentence}\n")
    return 2
