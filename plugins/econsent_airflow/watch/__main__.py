"""``./econsent watch`` and ``python -m econsent_airflow.watch``: look every few seconds, until it is told to stop.

Only one watch works on a database: another one waits for its lock, so a second machine can stand by.
"""

import argparse
import logging
import os
import signal
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from types import FrameType
from typing import Any, Final

import psycopg

from econsent_airflow.watch import segments
from econsent_airflow.watch.alerts import channels_of
from econsent_airflow.watch.process import Settings, Watch
from econsent_airflow.watch.resume import CONNECTION as API
from econsent_airflow.watch.resume import AirflowApi
from econsent_jobs.io.database import first_line
from econsent_jobs.io.environment import NotConfigured, conninfo_of

METADATA: Final = "AIRFLOW_CONN_ECONSENT_AIRFLOW_METADATA"
DATABASE: Final = "AIRFLOW_CONN_ECONSENT_WATCH_DATABASE"
TAG: Final = "AIRFLOW_VAR_ECONSENT_JOB_TAG"
EVERY_SECONDS: Final = 5.0
LOCK: Final = "SELECT pg_try_advisory_lock(hashtextextended('econsent.watch', 0))"

log = logging.getLogger("econsent_airflow.watch")


class StopAsked(BaseException):
    """Somebody sent SIGTERM or pressed Ctrl-C."""


def main(argv: list[str], environment: Mapping[str, str] = os.environ) -> int:
    """Watch until stopped; returns 0 then, 1 after ``--once`` where something did not work, 2 where it is not told what to watch."""
    words = argparse.ArgumentParser(prog="./econsent watch", description="Watches the jobs, keeps the audit trail and sends alerts.")
    words.add_argument("--once", action="store_true", help="one round, then end")
    options = words.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask_to_stop)
    try:
        addresses, settings = (conninfo_of(environment, METADATA), conninfo_of(environment, DATABASE)), settings_of(environment)
        return 0 if watch(*addresses, settings, once=options.once) else 1
    except NotConfigured as error:
        sys.stderr.write(f"{error.reason}\n")
        return 2
    except StopAsked:
        return 0


def settings_of(environment: Mapping[str, str]) -> Settings:
    """Read from the environment what the watch may reach. Raises NotConfigured."""
    return Settings(
        channels=channels_of(environment),
        environment=environment,
        tag=environment.get(TAG, "econsent-job"),
        store=segments.open_store(environment),
        api=AirflowApi(environment) if environment.get(API) else None,
        send_mail=send_due_mail,
    )


def send_due_mail() -> None:
    from econsent_airflow.mail import send_mail  # imports Airflow, which takes seconds: only where mail is switched on

    send_mail()


def watch(metadata_address: str, database_address: str, settings: Settings, *, once: bool) -> bool:
    """Do rounds until stopped. A database that is away is waited for, connection by connection."""
    while True:
        try:
            with psycopg.connect(metadata_address) as metadata, psycopg.connect(database_address, autocommit=True) as database:
                if wait_for_lock(database):
                    well = rounds(Watch(metadata, database, settings), once=once)
                    if once:
                        return well
        except psycopg.OperationalError as error:
            log.error("A database is away, the watch goes on when it is back: %s", first_line(error))
            if once:
                return False
        time.sleep(EVERY_SECONDS)


def wait_for_lock(database: psycopg.Connection[Any]) -> bool:
    """Whether this is the one that works. The lock goes with the connection, so it is free as soon as its holder dies."""
    row = database.execute(LOCK).fetchone()
    if row != (True,):
        log.info("Another watch is at work; standing by")
        return False
    return True


def rounds(watch: Watch, *, once: bool) -> bool:
    while True:
        started = time.monotonic()
        well = watch.round(datetime.now(UTC))
        if once:
            return well
        time.sleep(max(0.5, EVERY_SECONDS - (time.monotonic() - started)))


def ask_to_stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 the shape of a signal handler
    raise StopAsked


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
