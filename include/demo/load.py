"""Loads the demo: three companies, with visits of the last days, some still open, and some that went wrong.

    python -m demo.load [--seed 1] [--now 2026-03-02T09:30:00Z] [--visits 2]

1. Insert the companies that are not there.
2. Make up each company's visits, counted back from now, and drop those that are there: a second load adds nothing.
3. Write the files of the rest, then all their rows in one transaction, so that a load that was killed begins again.
4. Insert the companies' webhook endpoints that are not there, where a receiver runs.
5. Insert old visits that nobody retained, and a request to be forgotten.
6. Where Airflow runs beside it, give it a job that fails, for people to read and to retry.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final

from demo.bad import DEMO_KINDS, spoil
from demo.environment import NotReady, connect, find_target
from demo.failing_job import place_failing_job
from demo.insert import LOADING, PACKAGE, insert_certificate_rows, insert_tenant, insert_visits
from demo.retention import load_old_visits
from demo.tenants import TENANTS, Tenant
from demo.visits import CertificateRow, SessionlessSource, Visit, make_sessionless, make_visit
from demo.webhooks import load_endpoints
from econsent_jobs.core.errors import EconsentError
from econsent_jobs.core.statements import statement
from econsent_jobs.io.database import Connection, database_errors

CLOSED_VISITS: Final = {"starter": 10, "growth": 12, "enterprise": 14}
MOST_VISITS: Final = max(CLOSED_VISITS.values())
OPEN_VISITS: Final = 2  # of each company; ripe within two minutes, when no chunk has come for long enough
LEFT_EARLY: Final = 1  # of each company; visitors who never submitted
SESSIONLESS: Final[tuple[SessionlessSource, ...]] = ("meta", "sms", "voice")
OLDEST: Final = timedelta(days=3)
NEWEST: Final = timedelta(minutes=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """How much a load added."""

    companies: int
    sessions: int
    certificates: int

    def __str__(self) -> str:
        return f"{self.companies} companies, {self.sessions} sessions, {self.certificates} pending certificates added"


def load(database: Connection, efs_base: Path, *, seed: int, now: datetime, most_visits: int = MOST_VISITS) -> Loaded:
    """Load what is missing. ``now`` is aware; the same seed and time make the same rows and files. ``most_visits``: of each company.

    Raises TransientError and PermanentError as ``database_errors`` does, and OSError for the files.
    """
    sessions, certificates = 0, 0
    with database_errors():
        companies = sum(insert_tenant(database, owner) for owner in TENANTS)
    with database_errors(), database.transaction():
        database.execute("SELECT pg_advisory_xact_lock(%s)", [LOADING])
        for number, owner in enumerate(TENANTS):
            known = known_references(database, owner)
            visits = demo_visits(owner, number, efs_base=efs_base, seed=seed, now=now, most=most_visits)
            visits = [visit for visit in visits if visit.session.session_id not in known]
            others = [row for row in demo_sessionless(owner, seed=seed, now=now) if row.source_ref not in known]
            certificates += len(insert_visits(database, visits)) + len(insert_certificate_rows(database, others))
            sessions += len(visits)
    return Loaded(companies=companies, sessions=sessions, certificates=certificates)


def known_references(database: Connection, owner: Tenant) -> set[str]:
    """Return the session ids and source references that a company has."""
    return {name for (name,) in database.execute(statement(PACKAGE, "find_known_visits"), {"company_id": owner.company_id})}


def demo_visits(owner: Tenant, place: int, *, efs_base: Path, seed: int, now: datetime, most: int = MOST_VISITS) -> list[Visit]:
    """Make up all visits of one company: at most ``most`` good ones, abandoned and open ones, by its place every third kind of bad one."""
    kinds = DEMO_KINDS[place :: len(TENANTS)]
    good, early = min(most, CLOSED_VISITS[owner.plan]), LEFT_EARLY
    ages = closed_ages(Random(f"{seed}/{owner.company_id}/ages"), good + early + len(kinds))
    closed = [
        make_visit(owner, efs_base=efs_base, seed=seed, number=number, ended_at=now - age, submissions=0 if number > good else None)
        for number, age in enumerate(ages[: good + early], start=1)
    ]
    bad = [
        spoil(
            make_visit(owner, efs_base=efs_base, seed=seed, number=1, ended_at=now - age, label=f"{kind.slug}-", submissions=1),
            kind,
        )
        for kind, age in zip(kinds, ages[good + early :], strict=True)
    ]
    still_open = [
        make_visit(owner, efs_base=efs_base, seed=seed, number=number, label="open", closed=False, ended_at=now - age, submissions=1)
        for number, age in enumerate((timedelta(seconds=20 + 40 * place), timedelta(seconds=1)), start=1)
    ]
    return closed + bad + still_open


def demo_sessionless(owner: Tenant, *, seed: int, now: datetime) -> list[CertificateRow]:
    """Make up one consent of each source that has no session."""
    ages = closed_ages(Random(f"{seed}/{owner.company_id}/sessionless"), len(SESSIONLESS))
    return [
        make_sessionless(owner, source, seed=seed, number=number, consent_at=now - age)
        for number, (source, age) in enumerate(zip(SESSIONLESS, ages, strict=True), start=1)
    ]


def closed_ages(random: Random, count: int) -> list[timedelta]:
    """Draw when visits ended, oldest first, more of them lately than long ago. Whole milliseconds."""
    span = (OLDEST - NEWEST) // timedelta(milliseconds=1)
    return sorted((NEWEST + timedelta(milliseconds=int(span * random.random() ** 3)) for _ in range(count)), reverse=True)


def whole_milliseconds(text: str) -> datetime:
    """Read an ISO 8601 time with its zone, cut to the milliseconds that the platform keeps. Raises ValueError."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time needs its zone, such as Z")
    return at.astimezone(UTC).replace(microsecond=at.microsecond // 1000 * 1000)


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m demo.load", description="Add the demo companies and their visits, once.")
    parser.add_argument("--seed", type=int, default=1, help="another number makes other visitors (default: 1)")
    parser.add_argument("--now", type=whole_milliseconds, help="count back from this moment (ISO 8601, default: now)")
    parser.add_argument("--visits", type=int, default=MOST_VISITS, help="good visits of each company, at most (default: all)")
    options = parser.parse_args(argv)
    now = options.now or whole_milliseconds(datetime.now(UTC).isoformat())
    try:
        target = find_target(os.environ)
        with connect(target) as database:
            print(load(database, target.efs_base, seed=options.seed, now=now, most_visits=options.visits))
            with database_errors():
                endpoints = load_endpoints(database, os.environ)
                old = load_old_visits(database, target.efs_base, seed=options.seed, now=now)
            if endpoints:
                print(f"{endpoints} webhook endpoints added")
            if old:
                print(f"{old} old visits and requests added, for retention")
        if airflow_home := os.environ.get("AIRFLOW_HOME"):
            place_failing_job(Path(airflow_home))
    except NotReady as error:
        print(error, file=sys.stderr)
        return 1
    except EconsentError as error:
        print(error.reason, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"The demo's files cannot be written ({error}): make room or mend the folder, then run it again.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
