"""``./econsent certificates``: follow one certificate, list those that failed, put failed ones back.

They work with the job's own database role, which the running stack names in the environment. All but ``retry`` only read.
"""

import argparse
import getpass
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from psycopg.rows import class_row

from econsent_jobs.certificate_processing.model import Key
from econsent_jobs.certificate_processing.rules.explanation import Way, explain
from econsent_jobs.core.dated_lines import clock_text
from econsent_jobs.core.errors import EconsentError
from econsent_jobs.core.statements import statement
from econsent_jobs.io import command_line
from econsent_jobs.io.command_line import Row, add_listing_options, add_retry_options, open_database, tell
from econsent_jobs.io.database import Connection, database_errors

PACKAGE: Final = "econsent_jobs.certificate_processing"
CONNECTION: Final = "AIRFLOW_CONN_ECONSENT_CERTIFICATE_PROCESSING_DATABASE"
MOST: Final = 1_000
STATUSES: Final = ("pending", "processing", "finalized", "failed", "expired", "deleted")
AS_A_CLASS: Final = ("s3_write", "db_connectivity", "timeout", "config", "unknown")
"""Classes whose cause lies outside the certificates, so that mending it mends them all. The others are looked at one by one."""

rows_of = command_line.rows_of(PACKAGE)


def certificates(argv: list[str], environment: Mapping[str, str] = os.environ) -> int:
    """Follow one certificate (explain ID), list those that failed (list), put them back (retry)

    Exit code 0: done. 1: nothing was found or changed, or eConsent cannot be asked. 2: a wrong command line.
    """
    options = parser().parse_args(argv)
    try:
        with open_database(environment, CONNECTION) as database:
            return options.run(database, options)
    except EconsentError as error:
        return tell(error.reason)


def parser() -> argparse.ArgumentParser:
    words = argparse.ArgumentParser(
        prog="./econsent certificates", description="Follow certificates, and put failed ones back into the queue."
    )
    actions = words.add_subparsers(required=True, metavar="explain | list | retry")
    naming = "a certificate's id, company/number, a session's id, or a lead's or call's id"

    one = actions.add_parser("explain", help="where one certificate is, how it got there, and what it waits for")
    one.add_argument("id", metavar="ID", help=naming)
    one.set_defaults(run=run_explain)

    listing = actions.add_parser("list", help="certificates with their class and sentence, the newest first")
    listing.add_argument("--status", choices=STATUSES, default="failed", help="failed unless another one is named")
    add_listing_options(listing, most=MOST)
    listing.set_defaults(run=run_list)

    retry = actions.add_parser(
        "retry",
        help="put failed certificates back into the queue",
        description="Puts failed certificates back; the next run builds them anew. Each is audited as certificate.requeued. What a"
        " failed try had stored already stays in the archive until its lock ends, and the audit entry names it.",
    )
    add_retry_options(retry, naming=naming, classes=AS_A_CLASS, most=MOST)
    retry.set_defaults(run=run_retry)
    return words


def run_explain(database: Connection, options: argparse.Namespace) -> int:
    found = find(database, options.id)
    if not found:
        return tell(f"No certificate is named {options.id}: give its id, company/number, its session's id, or its lead's or call's id.")
    for number, key in enumerate(found):
        way = load_way(database, key)
        print(f"{'' if number == 0 else chr(10)}certificate {key.company_id}/{key.certificate_pk}: {way.status}")
        print("\n".join(str(line) for line in explain(way)))
    return 0


def run_list(database: Connection, options: argparse.Namespace) -> int:
    companies = list_companies(database, options.company)
    if not companies:
        return tell(f"There is no company {options.company}: leave --company out to see all.")
    found = listed(database, companies, status=options.status, error_class=None, most=options.limit)
    for row in found:
        print(
            "  ".join(
                [clock_text(row["updated_at"]), name_of(row), row["status"], f"{row['error_class'] or '-'}: {row['last_error'] or '-'}"]
            )
        )
    print(f"{len(found)} {options.status}{', which is as many as --limit lets through' if len(found) == options.limit else ''}.")
    return 0


def run_retry(database: Connection, options: argparse.Namespace) -> int:
    if options.id is not None:
        keys = find(database, options.id)
        if not keys:
            return tell(f"No certificate is named {options.id}: ./econsent certificates list shows those that failed.")
    else:
        companies = list_companies(database, options.company)
        rows = listed(database, companies, status="failed", error_class=options.error_class, most=options.limit)
        keys = sorted(key_of(row) for row in rows)
    ways = [load_way(database, key) for key in keys]
    failed = [way for way in ways if way.status == "failed"]
    if not failed:
        stands = ", ".join(f"{way.company_id}/{way.certificate_pk} is {way.status}" for way in ways) or "none matches"
        return tell(f"Nothing was put back, only a failed certificate can be: {stands}.")
    if options.dry_run:
        print("\n".join(f"would put back {said(way)}" for way in failed))
        return 0
    put_back = requeue(database, failed, user=options.by or f"operator:{getpass.getuser()}")
    print("\n".join(f"put back {said(way)}" for way in failed if Key(way.company_id, way.certificate_pk) in put_back))
    print(f"{len(put_back)} put back; the next run of certificate_processing builds them anew.")
    return 0 if put_back else 1


def said(way: Way) -> str:
    left = f"; what {way.certificate_id} had stored already stays in the archive until its lock ends" if way.certificate_id else ""
    return f"{way.company_id}/{way.certificate_pk} ({way.error_class}: {way.last_error}){left}"


def find(database: Connection, name: str) -> list[Key]:
    """Find certificates by what a person has in hand; ``company/number`` looks only in that company."""
    company_id, slash, number = name.rpartition("/")
    if slash and number.isdecimal() and len(number) < 19 and list_companies(database, company_id):
        rows = rows_of(database, "find_certificates", company_id=company_id, name=None, certificate_pk=int(number), most=MOST)
        return [Key(company_id, row["certificate_pk"]) for row in rows]
    return [
        Key(company_id, row["certificate_pk"])
        for company_id in list_companies(database, None)
        for row in rows_of(database, "find_certificates", company_id=company_id, name=name, certificate_pk=None, most=MOST)
    ]


def list_companies(database: Connection, company_id: str | None) -> list[str]:
    return [row["company_id"] for row in rows_of(database, "list_companies", company_id=company_id)]


def listed(database: Connection, companies: Iterable[str], *, status: str, error_class: str | None, most: int) -> list[Row]:
    """The newest ``most`` over all the companies, asked one after the other."""
    found: list[Row] = []
    for company_id in companies:
        found += rows_of(database, "list_certificates", company_id=company_id, status=status, error_class=error_class, most=most)
        found = sorted(found, key=lambda row: row["updated_at"], reverse=True)[:most]
    return found


def load_way(database: Connection, key: Key) -> Way:
    with database_errors(), database.cursor(row_factory=class_row(Way)) as cursor:
        way = cursor.execute(statement(PACKAGE, "explain_certificate"), key._asdict()).fetchone()
    assert way is not None, f"{key} was there a moment ago, and certificates are never deleted"
    return way


def requeue(database: Connection, ways: Sequence[Way], *, user: str) -> set[Key]:
    """Put certificates back that still stand as failed, one transaction a company, and say which they were."""
    done: set[Key] = set()
    for company_id in sorted({way.company_id for way in ways}):
        pks = sorted(way.certificate_pk for way in ways if way.company_id == company_id)
        rows = rows_of(database, "requeue_certificates", company_id=company_id, certificate_pks=pks, user=user)
        done |= {Key(company_id, row["certificate_pk"]) for row in rows}
    return done


def key_of(row: Mapping[str, Any]) -> Key:
    return Key(row["company_id"], row["certificate_pk"])


def name_of(row: Mapping[str, Any]) -> str:
    origin = f"session {row['session_id']}" if row["session_id"] is not None else f"{row['source']} {row['source_ref']}"
    return f"{row['company_id']}/{row['certificate_pk']} ({origin})"


COMMANDS: Final = {"certificates": certificates}
