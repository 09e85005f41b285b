"""``./econsent verify wallet_reconciliation``: prove every wallet from the outside.

Each entry is hashed again from its own columns, balances are added up again, and every charge, reversal, payment and month is compared with
what it comes from, by statements that share nothing with the job. It only reads.

Exit code 0: everything holds. 1: there are findings. 2: it could not run, or the database could not be read to the end.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping
from typing import Final

import psycopg

from econsent_jobs.io.database import first_line
from econsent_jobs.io.environment import NotConfigured, conninfo_of
from econsent_verify.wallet_reconciliation_checks.walk import Database, Report, connect, verify

DATABASE: Final = "AIRFLOW_CONN_ECONSENT_VERIFY_DATABASE"


def main(argv: list[str], environment: Mapping[str, str] = os.environ) -> int:
    options = parser().parse_args(argv)
    try:
        with connect(conninfo_of(environment, DATABASE)) as connection:
            database = Database(connection)
            if options.company is not None and not database.knows(options.company):
                return tell(f"There is no wallet of the company {options.company}: leave --company out to verify all.")
            report = verify(database, company_id=options.company, progress=None if options.json else say)
    except NotConfigured as error:
        return tell(error.reason)
    except psycopg.Error as error:
        return tell(f"eConsent's database could not be read ({first_line(error)}): look at ./econsent doctor and verify again.")
    print(json.dumps(report.as_dict()) if options.json else in_words(report))
    return 1 if report.found else 0


def parser() -> argparse.ArgumentParser:
    words = argparse.ArgumentParser(
        prog="./econsent verify wallet_reconciliation",
        description="Proves every wallet from outside: hashes each entry again, adds balances and months up again, and compares every"
        " charge, reversal, payment and refund with what it comes from. It only reads.",
        epilog="Ends with 0 when everything holds, 1 with findings, 2 when it could not run.",
    )
    words.add_argument("--company", metavar="ID", help="one company instead of all")
    words.add_argument("--json", action="store_true", help="print one JSON object on one line")
    return words


def say(question: str) -> None:
    sys.stderr.write(f"… {question}\n")


def in_words(report: Report) -> str:
    lines = [str(finding) for finding in report.findings]
    if report.cut:
        lines.append("… and more of the same kind")
    verdict = f"{report.found} findings" if report.found else "everything holds"
    looked = f"{report.entries} entries of {report.wallets} wallets in {report.seconds:.1f} s"
    return "\n".join([*lines, f"{looked}, {report.waiting} usage rows still to be posted: {verdict}."])


def tell(sentence: str) -> int:
    sys.stdout.flush()
    sys.stderr.write(f"{sentence}\n")
    return 2
