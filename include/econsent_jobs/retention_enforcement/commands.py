"""``./econsent retention``: explain one object, plan a night, place and release holds, prove a deletion.

They work with the job's own database role and its archive credentials, which the running stack names in the environment.
"""

import argparse
import getpass
import json
import os
import sys
from collections.abc import Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

from econsent_jobs.core.clock import SystemClock
from econsent_jobs.core.errors import EconsentError
from econsent_jobs.core.limits import Limits
from econsent_jobs.io.command_line import open_database, tell
from econsent_jobs.io.environment import connection_of
from econsent_jobs.io.s3_client import client_of
from econsent_jobs.retention_enforcement import holds
from econsent_jobs.retention_enforcement.explanation import explain
from econsent_jobs.retention_enforcement.model import Settings
from econsent_jobs.retention_enforcement.plan import plan
from econsent_jobs.retention_enforcement.proof import prove
from econsent_jobs.retention_enforcement.rules.cost import MONTHS, monthly_usd
from econsent_jobs.retention_enforcement.tools import Tally, Tools, real_tools

DATABASE: Final = "AIRFLOW_CONN_ECONSENT_RETENTION_ENFORCEMENT_DATABASE"
ARCHIVE: Final = "AIRFLOW_CONN_ECONSENT_ARCHIVE_RETENTION"
NIGHT: Final = time(3, 15, tzinfo=UTC)
SCOPES: Final = ("company", "property", "session", "certificate", "consumer")


def retention(argv: list[str], environment: Mapping[str, str] = os.environ) -> int:
    """Say what is kept and why (explain), what a night will do (plan), hold, release, prove a deletion

    Exit code 0: done. 1: nothing was found or changed, or eConsent cannot be asked. 2: a wrong command line.
    """
    options = parser().parse_args(argv)
    as_of = datetime.combine(options.date, NIGHT) if getattr(options, "date", None) else None
    settings = Settings(
        run_id=f"command:{getpass.getuser()}", grace=timedelta(days=options.grace_days), dry=options.run is run_plan, as_of=as_of
    )
    try:
        with open_tools(environment, settings) as tools:
            return options.run(tools, options)
    except EconsentError as error:
        return tell(error.reason)


def parser() -> argparse.ArgumentParser:
    words = argparse.ArgumentParser(
        prog="./econsent retention", description="What is kept, for how long and why; legal holds; proofs of deletion."
    )
    words.add_argument("--grace-days", metavar="N", type=int, default=7, help="the grace that the DAG runs with, 7 unless it was changed")
    actions = words.add_subparsers(required=True, metavar="explain | plan | hold | release | prove")

    one = actions.add_parser("explain", help="keep or delete, by which rule, in one sentence")
    one.add_argument("object", metavar="OBJECT", help="a key, a version, a session's id or the number of its row")
    one.set_defaults(run=run_explain)

    night = actions.add_parser("plan", help="what a night's run will do, by company and rule, with bytes and cost; nothing is changed")
    night.add_argument("--date", metavar="D", type=date.fromisoformat, help="the night of this day (2026-03-01); now unless said")
    night.add_argument("--company", metavar="ID", help="one company instead of all")
    night.add_argument("--json", action="store_true", help="one JSON object a line")
    night.set_defaults(run=run_plan)

    hold = actions.add_parser("hold", help="place a legal hold; waits for the batch in flight, and says what had been deleted already")
    hold.add_argument("company", metavar="COMPANY")
    hold.add_argument("scope", choices=SCOPES)
    hold.add_argument("value", metavar="VALUE", help="the id, phone or e-mail that the scope is about; for a company its own id")
    hold.add_argument("--reason", required=True, help="why, for the audit trail and for explain")
    hold.add_argument("--by", metavar="WHO", help="who places it; your login unless said")
    hold.set_defaults(run=run_hold)

    release = actions.add_parser("release", help="release a hold; two people have to say so, one after the other")
    release.add_argument("hold", metavar="HOLD", type=int)
    release.add_argument("--by", metavar="WHO", help="who releases it; your login unless said")
    release.set_defaults(run=run_release)

    proof = actions.add_parser("prove", help="a proof of a deletion, as JSON, that verifies offline")
    proof.add_argument("object", metavar="OBJECT", help="a key, a version or the number of its tombstone")
    proof.set_defaults(run=run_prove)
    return words


@contextmanager
def open_tools(environment: Mapping[str, str], settings: Settings) -> Any:
    """Open database and archive as the environment names them."""
    connection = connection_of(environment, ARCHIVE)
    with open_database(environment, DATABASE) as database, client_of(connection) as client:
        yield real_tools(
            database=database,
            client=client,
            bucket=environment["AIRFLOW_VAR_ECONSENT_ARCHIVE_BUCKET"],
            audit_bucket=environment["AIRFLOW_VAR_ECONSENT_AUDIT_BUCKET"],
            efs_base=Path(environment["AIRFLOW_VAR_ECONSENT_EFS_BASE"]),
            settings=settings,
        )


def run_explain(tools: Tools, options: argparse.Namespace) -> int:
    lines = explain(tools, options.object)
    if not lines:
        return tell(f"Nothing stored is named {options.object}: give a key, a version, a session's id or a row's number.")
    print("\n".join(lines))
    return 0


def run_plan(tools: Tools, options: argparse.Namespace) -> int:
    tally = plan(tools, limits=Limits(batch_size=500, run_seconds=3_600), company_id=options.company)
    show(tally, as_json=options.json)
    return 0


def show(tally: Tally, *, as_json: bool) -> None:
    """Print a plan, line by line."""
    for (step, company_id, what), objects in sorted(tally.objects.items()):
        size = tally.size_bytes[step, company_id, what]
        usd = monthly_usd(what, size_bytes=size, objects=objects)
        if as_json:
            line = {"step": step, "company": company_id, "what": what, "objects": objects, "bytes": size, "usd_a_month": str(usd)}
            print(json.dumps(line))
        else:
            print(f"{step:20} {company_id or '(all)':20} {what:40} {objects:8} objects {size:14} bytes {usd:+10.4f} USD {MONTHS}")
    if not as_json:
        print(f"{tally.objects.total()} in all.")


def run_hold(tools: Tools, options: argparse.Namespace) -> int:
    placed = holds.place(
        tools,
        holds.Wanted(
            company_id=options.company,
            scope=options.scope,
            value=options.value,
            reason=options.reason,
            by=options.by or f"operator:{getpass.getuser()}",
        ),
        clock=SystemClock(),
    )
    print("\n".join(placed.words()))
    return 0 if placed.waited else 1


def run_release(tools: Tools, options: argparse.Namespace) -> int:
    sentence, done = holds.release(tools, options.hold, by=options.by or f"operator:{getpass.getuser()}")
    if not done:
        return tell(sentence)
    print(sentence)
    return 0


def run_prove(tools: Tools, options: argparse.Namespace) -> int:
    proofs = prove(tools, options.object)
    if not proofs:
        return tell(f"No tombstone is named {options.object}, or no stored root covers it yet: the next night seals one.")
    for proof in proofs:
        sys.stdout.write(json.dumps(proof, indent=2) + "\n")
    return 0


COMMANDS: Final = {"retention": retention}
