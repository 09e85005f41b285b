"""``./econsent videos``: list conversions, follow one, put failed ones back, and convert a file by itself.

They work with the job's own database role, which the running stack names in the environment. ``convert`` needs no running stack.
"""

import argparse
import getpass
import gzip
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Final

from psycopg.rows import class_row

from econsent_jobs.core.dated_lines import clock_text
from econsent_jobs.core.errors import BadItem, EconsentError, ErrorClass
from econsent_jobs.core.statements import statement
from econsent_jobs.io import command_line
from econsent_jobs.io.command_line import Row, add_listing_options, add_retry_options, open_database, tell
from econsent_jobs.io.database import Connection, database_errors
from econsent_jobs.mp4_conversion.conversion import Studio
from econsent_jobs.mp4_conversion.model import Key, Session, Settings
from econsent_jobs.mp4_conversion.programs import find_programs
from econsent_jobs.mp4_conversion.progress import Progress
from econsent_jobs.mp4_conversion.rules.explanation import Way, explain

PACKAGE: Final = "econsent_jobs.mp4_conversion"
CONNECTION: Final = "AIRFLOW_CONN_ECONSENT_MP4_CONVERSION_DATABASE"
PROGRAMS: Final = "AIRFLOW_VAR_ECONSENT_VIDEO_PROGRAMS"
MOST: Final = 1_000
STATUSES: Final = ("pending", "processing", "completed", "failed")
AS_A_CLASS: Final = ("render", "s3_write", "timeout", "config", "unknown")
"""Classes whose cause lies outside the recordings, so that mending it mends them all. The others are looked at one by one."""
NONE_FAILED: Final = "Nothing was put back, only a failed conversion can be: ./econsent videos explain says how it stands."
GZIP: Final = b"\x1f\x8b"

rows_of = command_line.rows_of(PACKAGE)


def videos(argv: list[str], environment: Mapping[str, str] = os.environ) -> int:
    """List conversions (list), follow one (explain ID), put failed ones back (retry), convert a recording's file (convert FILE)

    Exit code 0: done. 1: nothing was found or changed, or eConsent cannot be asked. 2: a wrong command line.
    """
    options = parser().parse_args(argv)
    try:
        if options.run is run_convert:
            return run_convert(options, environment)
        with open_database(environment, CONNECTION) as database:
            return options.run(database, options)
    except EconsentError as error:
        return tell(error.reason)


def parser() -> argparse.ArgumentParser:
    words = argparse.ArgumentParser(prog="./econsent videos", description="Follow the videos of sessions, and put failed ones back.")
    actions = words.add_subparsers(required=True, metavar="list | explain | retry | convert")
    naming = "a session's id, or a certificate's"

    listing = actions.add_parser("list", help="conversions, the latest first")
    listing.add_argument("--status", choices=STATUSES, help="all unless one is named")
    add_listing_options(listing, most=MOST)
    listing.set_defaults(run=run_list)

    one = actions.add_parser("explain", help="where one video is, how it came to be, and what it waits for")
    one.add_argument("id", metavar="ID", help=naming)
    one.set_defaults(run=run_explain)

    retry = actions.add_parser(
        "retry", help="put failed conversions back", description="Puts failed conversions back into the queue; each is audited."
    )
    add_retry_options(retry, naming=naming, classes=AS_A_CLASS, most=MOST)
    retry.set_defaults(run=run_retry)

    convert = actions.add_parser("convert", help="make the video of one recording's file here, and store nothing")
    convert.add_argument("file", metavar="FILE", type=Path, help="an rrweb recording: a JSON array of events, gzipped or not")
    convert.add_argument("--out", metavar="FOLDER", type=Path, default=Path(), help="where the files go, this folder unless said")
    convert.set_defaults(run=run_convert)
    return words


def run_list(database: Connection, options: argparse.Namespace) -> int:
    companies = list_companies(database, options.company)
    if not companies:
        return tell(f"There is no company {options.company}: leave --company out to see all.")
    found = listed(database, companies, status=options.status, error_class=None, most=options.limit)
    for row in found:
        print("  ".join([clock_text(row["at"]), f"{row['company_id']}/{row['session_id']}", row["status"], told(row)]).rstrip())
    print(f"{len(found)} conversions{', which is as many as --limit lets through' if len(found) == options.limit else ''}.")
    return 0


def told(row: Row) -> str:
    if row["error_class"]:
        return f"{row['error_class']}: {row['last_error']}"
    if row["status"] == "processing":
        return f"{row['progress_percent'] or 0} % done"
    return f"{row['duration_ms'] / 1000:.1f} s" if row["duration_ms"] else ""


def run_explain(database: Connection, options: argparse.Namespace) -> int:
    found = find(database, options.id)
    if not found:
        return tell(f"No conversion is named {options.id}: give the session's id, or that of one of its certificates.")
    for number, key in enumerate(found):
        way = load_way(database, key)
        print(f"{'' if number == 0 else chr(10)}video of session {key.company_id}/{key.session_id}: {way.status}")
        print("\n".join(str(line) for line in explain(way)))
    return 0


def run_retry(database: Connection, options: argparse.Namespace) -> int:
    if options.id is not None:
        keys = find(database, options.id)
        if not keys:
            return tell(f"No conversion is named {options.id}: ./econsent videos list --status failed shows those that failed.")
    else:
        companies = list_companies(database, options.company)
        rows = listed(database, companies, status="failed", error_class=options.error_class, most=options.limit)
        keys = [Key(row["company_id"], row["session_id"]) for row in rows]
    if options.dry_run:
        failed = [way for way in (load_way(database, key) for key in keys) if way.status == "failed"]
        if not failed:
            return tell(NONE_FAILED)
        print("\n".join(f"would put back {way.company_id}/{way.session_id} ({way.error_class}: {way.last_error})" for way in failed))
        return 0
    user = options.by or f"operator:{getpass.getuser()}"
    put_back = [
        Key(company_id, row["session_id"])
        for company_id in sorted({key.company_id for key in keys})
        for row in rows_of(
            database,
            "requeue_conversions",
            company_id=company_id,
            session_ids=[key.session_id for key in keys if key.company_id == company_id],
            user=user,
        )
    ]
    if not put_back:
        return tell(NONE_FAILED)
    print("\n".join(f"put back {key.company_id}/{key.session_id}" for key in put_back))
    print(f"{len(put_back)} put back; a run of mp4_conversion starts at once.")
    return 0


def run_convert(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Make one video without any store. Raises BadItem for a recording that no video can be made of."""
    try:
        contents: bytes = options.file.read_bytes()
        contents = gzip.decompress(contents) if contents.startswith(GZIP) else contents
    except (OSError, EOFError) as error:
        raise BadItem(ErrorClass.DATA, f"{options.file} cannot be read ({error}): name a recording's file.") from error
    settings = Settings(
        programs=find_programs(json.loads(environment.get(PROGRAMS) or "{}")), work_folder=Path(tempfile.gettempdir()) / "econsent-videos"
    )
    began = time.monotonic()
    with Studio(settings).conversion(say_progress) as conversion:
        recording = conversion.read(BytesIO(contents))
        rendered = conversion.render(recording, unknown_session(options.file.name.partition(".")[0]))
        options.out.mkdir(parents=True, exist_ok=True)
        for file in (rendered.video, rendered.poster, rendered.sidecar):
            target = options.out / f"{options.file.name.partition('.')[0]}{file.suffix}"
            shutil.copyfile(file, target)
            print(target)
    seconds = time.monotonic() - began
    length = rendered.facts.duration_ms / 1000
    print(f"{length:.1f} s of video in {seconds:.1f} s, {length / seconds:.1f} x real time")
    return 0


def say_progress(progress: Progress) -> None:
    if sys.stderr.isatty() and progress.frames:
        sys.stderr.write(f"\r{progress.percent} %")


def unknown_session(name: str) -> Session:
    """A recording by itself belongs to nobody: its footer says so."""
    now = datetime.now(UTC)
    return Session(
        key=Key("", name),
        property_id="",
        retention_status="retained",
        started_at=now,
        last_chunk_at=None,
        closed_at=now,
        page_url=None,
        recording_path=None,
        recording_sha256=None,
        certificates=[],
        unfinished_certificates=0,
        retain_until=now + timedelta(days=1),
        archived=None,
        read_at=now,
    )


def find(database: Connection, name: str) -> list[Key]:
    return [
        Key(company_id, row["session_id"])
        for company_id in list_companies(database, None)
        for row in rows_of(database, "find_conversions", company_id=company_id, name=name)
    ]


def list_companies(database: Connection, company_id: str | None) -> list[str]:
    return [row["company_id"] for row in rows_of(database, "list_companies", company_id=company_id)]


def listed(database: Connection, companies: list[str], *, status: str | None, error_class: str | None, most: int) -> list[Row]:
    """The latest ``most`` over all the companies, asked one after the other."""
    found: list[Row] = []
    for company_id in companies:
        found += rows_of(database, "list_conversions", company_id=company_id, status=status, error_class=error_class, most=most)
        found = sorted(found, key=lambda row: row["at"], reverse=True)[:most]
    return found


def load_way(database: Connection, key: Key) -> Way:
    with database_errors(), database.cursor(row_factory=class_row(Way)) as cursor:
        way = cursor.execute(statement(PACKAGE, "explain_conversion"), key._asdict()).fetchone()
    assert way is not None, f"{key} was there a moment ago, and conversions are never deleted"
    return way


COMMANDS: Final = {"videos": videos}
