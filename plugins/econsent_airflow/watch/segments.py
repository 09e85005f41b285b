"""A sealed day of the audit trail, as one object in S3 under Object Lock: whoever can change the database cannot change this."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any, Final

from botocore.config import Config
from botocore.session import get_session

from econsent_airflow.watch.trail import Trail
from econsent_jobs.core.canonical_json import canonical_json, sha256_hex
from econsent_jobs.core.errors import BadItem, ErrorClass
from econsent_jobs.io.environment import NotConfigured, connection_of
from econsent_jobs.io.object_store import LockedObject, LockedObjectStore

ARCHIVE: Final = "AIRFLOW_CONN_ECONSENT_ARCHIVE"
BUCKET: Final = "AIRFLOW_VAR_ECONSENT_AUDIT_BUCKET"
YEARS: Final = 7


def open_store(environment: Mapping[str, str]) -> LockedObjectStore:
    """Open the bucket of the audit trail. Raises NotConfigured."""
    found, bucket = connection_of(environment, ARCHIVE), environment.get(BUCKET)
    if not bucket:
        raise NotConfigured(f"{BUCKET} is not set: it names the bucket of sealed days of the audit trail.")
    extra = found.get("extra") or {}
    extra = json.loads(extra) if isinstance(extra, str) else extra
    client: Any = get_session().create_client(
        "s3",
        endpoint_url=extra.get("endpoint_url"),
        region_name=extra.get("region_name"),
        aws_access_key_id=found.get("login"),
        aws_secret_access_key=found.get("password"),
        config=Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 2}),
    )
    return LockedObjectStore(client, bucket)


def body_of(links: Sequence[Mapping[str, Any]]) -> bytes:
    """Return a day's bytes: a line of canonical JSON for each link, with everything that its hash covers."""
    return b"".join(canonical_json(dict(link)) + b"\n" for link in links)


def fix_day(trail: Trail, day: date) -> bool:
    """Fix what of the chain is stored as ``day``: all that no earlier day holds. Returns whether there was anything."""
    found = trail.next_segment_range()
    if found is None:
        return False
    links = trail.chain(*found)
    body = body_of(links)
    trail.fix_segment(
        day=day,
        first_seq=found[0],
        last_seq=found[1],
        last_hash=links[-1]["entry_hash"],
        object_key=object_key(day, links[-1]["entry_hash"]),
        sha256=sha256_hex(body),
        bytes=len(body),
        retain_until=lock_date(day),
    )
    return True


def object_key(day: date, last_hash: str) -> str:
    """Name a day's object after its last link too: a database that was restored from an older backup has another such day than S3 holds."""
    return f"audit/{day:%Y/%m/%d}-{last_hash[:16]}.jsonl"


def lock_date(day: date) -> datetime:
    """Return midnight seven calendar years later, UTC; the 28th for a leap day."""
    year = day.year + YEARS
    later = day.replace(year=year, day=28) if (day.month, day.day) == (2, 29) else day.replace(year=year)
    return datetime.combine(later, time(), UTC)


def store_days(trail: Trail, store: LockedObjectStore) -> int:
    """Store every day that is fixed and not stored; return how many.

    Raises BadItem (integrity) when the chain no longer gives the bytes that were fixed, and whatever ``put_once`` raises.
    """
    days = trail.unstored_segments()
    for segment in days:
        body = body_of(trail.chain(segment["first_seq"], segment["last_seq"]))
        if sha256_hex(body) != segment["sha256"]:
            what = f"the audit trail of {segment['day']} was changed after it was sealed: ./econsent verify audit"
            raise BadItem(ErrorClass.INTEGRITY, what)
        stored = LockedObject(
            key=segment["object_key"],
            body=body,
            sha256=segment["sha256"],
            content_type="application/jsonl",
            retain_until=segment["retain_until"].astimezone(UTC),
        )
        trail.store_segment(day=segment["day"], version_id=store.put_once(stored))
    return len(days)
