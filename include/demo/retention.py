"""What a fresh system's first night finds to do beside today's visits: old recordings that nobody retained, and a person who asked."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from demo.insert import LOADING, PACKAGE, insert_visits
from demo.tenants import TENANTS
from demo.visits import Visit, make_visit
from econsent_jobs.core.statements import statement
from econsent_jobs.io.database import Connection

OLD_VISITS: Final = 3  # of each company; visitors who left early, long before the longest window of its properties
LONG_AGO: Final = timedelta(days=400)
LABEL: Final = "old"


def load_old_visits(database: Connection, efs_base: Path, *, seed: int, now: datetime) -> int:
    """Insert what is missing, and return how many visits and requests were. Raises psycopg.Error, and OSError for the files.

    A company that retains all its sessions keeps these too; the others' recordings expire in the first night, and go a week later.
    """
    with database.transaction():
        database.execute("SELECT pg_advisory_xact_lock(%s)", [LOADING])
        visits: list[Visit] = []
        for owner in TENANTS:
            known = {name for (name,) in database.execute(statement(PACKAGE, "find_known_visits"), {"company_id": owner.company_id})}
            made = [
                make_visit(
                    owner,
                    efs_base=efs_base,
                    seed=seed,
                    number=number,
                    label=LABEL,
                    ended_at=now - LONG_AGO - timedelta(days=number),
                    submissions=0,
                )
                for number in range(1, OLD_VISITS + 1)
            ]
            visits += [visit for visit in made if visit.session.session_id not in known]
        insert_visits(database, visits)
        asked = database.execute(statement(PACKAGE, "insert_deletion_request")).rowcount
    return len(visits) + asked
