"""``./econsent verify mp4_conversion``: prove every stored video from the outside.

Each completed conversion has its video, poster and sidecar once, locked, under the keys that follow from its recording; the video is an
MP4 of the length and size that the row says; the sidecar's hashes are those of the bytes; session, audit trail and queue agree; no session
that is to have a video was forgotten, and no file belongs to nothing. It only reads.

Exit code 0: everything holds. 1: there are findings. 2: it could not run, or a store could not be read to the end.
"""

import argparse
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Final, LiteralString, cast

import psycopg
from botocore.exceptions import BotoCoreError, ClientError
from psycopg.rows import dict_row

from econsent_jobs.io.database import Connection, first_line
from econsent_jobs.io.environment import NotConfigured, conninfo_of
from econsent_verify.certificate_processing import DATABASE, CannotRun, archive_of, tell
from econsent_verify.certificate_processing_checks.objects import Reader
from econsent_verify.certificate_processing_checks.records import Database, connect
from econsent_verify.mp4_conversion_checks.checks import Finding, Row, Trouble, check, folder_of, objects_of

PACKAGE: Final = "econsent_verify.mp4_conversion_checks"
PAGE_SIZE: Final = 50
MOST_KEPT: Final = 1_000
LARGEST_VIDEO: Final = 2 * 1024**3
FOLDER: Final = "/replays/"


@dataclass(slots=True, kw_only=True)
class Report:
    """What was looked at and found. ``findings`` keeps the first 1,000; ``found`` counts all."""

    companies: int = 0
    conversions: int = 0
    completed: int = 0
    findings: list[Finding] = field(default_factory=list[Finding])
    found: int = 0
    seconds: float = 0.0

    def add(self, finding: Finding) -> None:
        self.found += 1
        if len(self.findings) < MOST_KEPT:
            self.findings.append(finding)

    def as_dict(self) -> dict[str, Any]:
        counts = {name: getattr(self, name) for name in ("companies", "conversions", "completed", "found", "seconds")}
        return {**counts, "findings": [finding.as_dict() for finding in self.findings]}

    def __str__(self) -> str:
        lines = [str(finding) for finding in self.findings]
        if self.found > len(self.findings):
            lines.append(f"… and {self.found - len(self.findings)} more")
        verdict = f"{self.found} findings" if self.found else "everything holds"
        looked = f"{self.conversions} conversions ({self.completed} completed) of {self.companies} companies"
        return "\n".join([*lines, f"{looked} in {self.seconds:.1f} s: {verdict}."])


def main(argv: list[str], environment: Mapping[str, str] = os.environ) -> int:
    options = parser().parse_args(argv)
    try:
        with connect(conninfo_of(environment, DATABASE)) as connection:
            reader = archive_of(environment, connections=1, longest_bytes=LARGEST_VIDEO)
            report = verify(connection, reader, company_id=options.company)
    except NotConfigured as error:
        return tell(error.reason)
    except CannotRun as error:
        return tell(str(error))
    except psycopg.Error as error:
        return tell(f"eConsent's database could not be read ({first_line(error)}): look at ./econsent doctor and verify again.")
    except (BotoCoreError, ClientError) as error:
        return tell(f"The archive could not be read ({first_line(error)}): look at ./econsent doctor and verify again.")
    print(json.dumps(report.as_dict()) if options.json else report)
    return 1 if report.found else 0


def parser() -> argparse.ArgumentParser:
    words = argparse.ArgumentParser(
        prog="./econsent verify mp4_conversion",
        description="Proves every stored video from outside: its bytes, its lock, its sidecar, and that none is missing, doubled or stray.",
        epilog="Ends with 0 when everything holds, 1 with findings, 2 when it could not run.",
    )
    words.add_argument("--company", metavar="ID", help="one company instead of all")
    words.add_argument("--json", action="store_true", help="print one JSON object on one line")
    return words


def verify(connection: Connection, reader: Reader, *, company_id: str | None = None) -> Report:
    """Verify one company or all. Raises CannotRun, psycopg.Error, BotoCoreError and ClientError."""
    report, began = Report(), time.monotonic()
    companies = Database(connection).companies(company_id)
    if not companies:
        raise CannotRun(f"There is no company {company_id}: leave --company out to verify all.")
    for company in companies:
        report.companies += 1
        stored = replays(reader, company)
        known: set[str] = set()
        folders: set[str] = set()
        for row in conversions(connection, company):
            report.conversions += 1
            report.completed += row["status"] == "completed"
            known |= {each["object_key"] for each in objects_of(row)}
            folders |= {folder_of(row)} if row["status"] != "completed" else set()
            for finding in check(row, reader):
                report.add(finding)
        for row in rows(connection, "find_forgotten_sessions", company_id=company):
            report.add(nothing(company, row["session_id"], Trouble.LOST, "conversion", expected="one"))
        for key in stored:
            if key not in known and key.rpartition("/")[0] not in folders:
                report.add(nothing(company, "", Trouble.STRAY, f"what {key} belongs to", expected="a conversion"))
    report.seconds = time.monotonic() - began
    return report


def conversions(connection: Connection, company_id: str) -> Iterator[Row]:
    """Yield a company's conversions, a page at a time."""
    after = ""
    while page := rows(connection, "page_conversions", company_id=company_id, after=after, page_size=PAGE_SIZE):
        yield from page
        after = page[-1]["session_id"]


def replays(reader: Reader, company_id: str) -> list[str]:
    """List the keys of all replays. It is done before the rows are read, so that what is completed meanwhile is known.

    One that no row names is a stray, but for what lies in the folder of a conversion under way, whose it is soon, or of one that failed
    after it had stored it, where it stays under its lock.
    """
    return [version.key for page in reader.pages(f"{company_id}/") for version in page if FOLDER in version.key]


def nothing(company_id: str, session_id: str, trouble: Trouble, what: str, *, expected: str) -> Finding:
    return Finding(company_id=company_id, session_id=session_id, trouble=trouble, what=what, expected=expected, found="nothing")


def rows(connection: Connection, name: str, **parameters: Any) -> list[dict[str, Any]]:
    query = cast("LiteralString", (files(PACKAGE) / "sql" / f"{name}.sql").read_text(encoding="utf-8"))
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, parameters).fetchall()
