"""Opens each thing that jobs open, and prints as JSON how that went. Run in the stack's environment, as a process of its own."""

import json
import sys
from collections.abc import Callable

from econsent_airflow.connections import (
    ARCHIVE,
    ARCHIVE_RETENTION,
    ARCHIVE_VERIFY,
    open_database,
    open_object_store,
    open_search,
    signing_keys,
)
from econsent_jobs.core.errors import EconsentError


def database(stem: str, query: bytes) -> list[object]:
    with open_database(stem) as opened:
        return [opened.autocommit, *(opened.execute(query).fetchone() or ())]


def bucket(conn_id: str) -> int:
    with open_object_store(conn_id) as client:
        return client.list_objects_v2(Bucket="econsent-archive")["ResponseMetadata"]["HTTPStatusCode"]


def search() -> str:
    with open_search() as client:
        return client.info()["asked_with"]


def keys() -> list[object]:
    found = signing_keys()
    return [str(found), len(found.key), sorted(found.retired)]


def outcome(call: Callable[[], object]) -> object:
    try:
        return call()
    except EconsentError as error:
        return f"{type(error).__name__} {error}"


WHO = b"SELECT current_user, current_setting('TimeZone'), current_setting('plan_cache_mode')"
CALLS: dict[str, Callable[[], object]] = {
    "certificate_processing": lambda: database("certificate_processing", WHO),
    "dashboard": lambda: database("dashboard", WHO),
    "forbidden": lambda: database("certificate_processing", b"DELETE FROM econsent.companies"),
    "away": lambda: database("away", WHO),
    "nobody": lambda: database("nobody", WHO),
    "buckets": lambda: [bucket(conn_id) for conn_id in (ARCHIVE, ARCHIVE_RETENTION, ARCHIVE_VERIFY)],
    "search": search,
    "keys": keys,
}

if __name__ == "__main__":
    json.dump({name: outcome(call) for name, call in CALLS.items()}, sys.stdout)
