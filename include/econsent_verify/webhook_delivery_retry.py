"""``./econsent verify webhook_delivery_retry``: prove from outside that no webhook was lost, doubled or sent where it must not be.

Every event has one delivery for each endpoint that subscribed; every delivery's state follows from its attempts; every wait lies within the
backoff's bounds; every address was public; every endpoint that was disabled was told of. With what receivers wrote down, every body and
signature too. It only reads.

Exit code 0: everything holds. 1: there are findings. 2: it could not run.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import psycopg

from econsent_jobs.io.command_line import time_of
from econsent_jobs.io.database import first_line
from econsent_jobs.io.environment import NotConfigured, connection_of, conninfo_of
from econsent_verify.webhook_delivery_retry_checks.receipts import Receipts, read_receipts
from econsent_verify.webhook_delivery_retry_checks.records import Database, connect
from econsent_verify.webhook_delivery_retry_checks.walk import Report, Scope, verify

DATABASE: Final = "AIRFLOW_CONN_ECONSENT_VERIFY_DATABASE"
WEBHOOKS: Final = "AIRFLOW_CONN_ECONSENT_WEBHOOKS"
PROGRESS_SECONDS: Final = 2.0


class CannotRun(Exception):
    """The verification cannot begin. The message says what to do."""


def main(argv: list[str], environment: Mapping[str, str] = os.environ) -> int:
    options = parser().parse_args(argv)
    scope = Scope(company_id=options.company, since=options.since, loopback=loopback_is_allowed(environment))
    try:
        report = run(environment, scope, receipts_of(options))
    except NotConfigured as error:
        return tell(error.reason)
    except CannotRun as error:
        return tell(str(error))
    except psycopg.Error as error:
        return tell(f"eConsent's database could not be read ({first_line(error)}): look at ./econsent doctor and verify again.")
    print(json.dumps(report.as_dict()) if options.json else in_words(report))
    return 1 if report.found else 0


def parser() -> argparse.ArgumentParser:
    words = argparse.ArgumentParser(
        prog="./econsent verify webhook_delivery_retry",
        description="Proves from outside that every event has exactly one delivery for each endpoint that subscribed, that states, waits"
        " and addresses are what they must be, and that disabled endpoints were told of. It only reads.",
        epilog="Ends with 0 when everything holds, 1 with findings, 2 when it could not run.",
    )
    words.add_argument("--company", metavar="ID", help="one company instead of all")
    words.add_argument("--since", metavar="TIME", type=time_of, help="only events since, such as 2026-03-01 or 2026-03-01T09:30Z")
    words.add_argument("--receipts", metavar="FILE", type=Path, help="what receivers had, one JSON object a line; needs --secrets")
    words.add_argument("--secrets", metavar="FILE", type=Path, help="the receivers' secrets, one JSON object: {endpoint id: secret}")
    words.add_argument("--json", action="store_true", help="print one JSON object on one line")
    return words


def loopback_is_allowed(environment: Mapping[str, str]) -> bool:
    """Whether this stack's configuration lets receivers live on this machine."""
    try:
        extra: dict[str, Any] = connection_of(environment, WEBHOOKS).get("extra") or {}
    except NotConfigured:
        return False
    return extra.get("allow_loopback") is True


def receipts_of(options: argparse.Namespace) -> Receipts | None:
    """Read what receivers wrote down, where that was asked for. Raises CannotRun."""
    if options.receipts is None:
        return None
    if options.secrets is None:
        raise CannotRun("Receipts prove nothing without the receivers' secrets: give --secrets FILE too.")
    try:
        secrets: dict[str, str] = json.loads(options.secrets.read_text(encoding="utf-8"))
        with options.receipts.open(encoding="utf-8") as lines:
            return read_receipts(lines, {name: secret.encode() for name, secret in secrets.items()})
    except (OSError, ValueError, KeyError) as error:
        raise CannotRun(f"The receipts cannot be read ({first_line(error)}): give the receiver's own files.") from error


def run(environment: Mapping[str, str], scope: Scope, receipts: Receipts | None) -> Report:
    """Open the database that the environment names and verify it. Raises CannotRun, NotConfigured and psycopg.Error."""
    with connect(conninfo_of(environment, DATABASE)) as connection:
        database = Database(connection)
        if scope.company_id is not None and not database.knows_company(scope.company_id):
            raise CannotRun(f"There is no company {scope.company_id}: leave --company out to verify all.")
        return verify(database, scope=scope, receipts=receipts, progress=ProgressLine())


class ProgressLine:
    """Says on stderr every two seconds how far it is."""

    def __init__(self) -> None:
        self._next = time.monotonic() + PROGRESS_SECONDS

    def __call__(self, report: Report) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + PROGRESS_SECONDS
            sys.stderr.write(f"… {report.events} events, {report.deliveries} deliveries, {report.found} findings\n")


def in_words(report: Report) -> str:
    lines = [str(finding) for finding in report.findings]
    if report.found > len(report.findings):
        lines.append(f"… and {report.found - len(report.findings)} more")
    looked = (
        f"{report.events} events, {report.deliveries} deliveries and {report.attempts} attempts"
        f" to {report.endpoints} endpoints in {report.seconds:.1f} s"
    )
    return "\n".join([*lines, f"{looked}: {f'{report.found} findings' if report.found else 'everything holds'}."])


def tell(sentence: str) -> int:
    sys.stdout.flush()
    sys.stderr.write(f"{sentence}\n")
    return 2
