"""``./econsent verify audit``: walk the audit trail's hash chain, and name the first broken entry.

1. Link by link, in order: no number is missing, each link names the hash before it, and its own hash is that of its entry's text, which is
   put together here from the entry's columns.
2. Every entry that is older than five minutes is sealed.
3. Every stored day lies in S3 with one version, the recorded bytes and a lock, and says the same of each entry as the database does.
4. S3 holds no other day: what a lost database had stored is named, and so is what a stranger did.
5. Every row of the history of executions is drawn from its entry.

Whoever can write to the database can write a chain that fits: that the days in S3 hold the same hashes is what shows it. It only reads.

Exit code 0: everything holds. 1: there are findings. 2: it could not run, or a store could not be read to the end.
"""

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import psycopg
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session
from psycopg.rows import dict_row

from econsent_jobs.io.database import first_line
from econsent_jobs.io.environment import NotConfigured, connection_of, conninfo_of

DATABASE: Final = "AIRFLOW_CONN_ECONSENT_VERIFY_DATABASE"
ARCHIVE: Final = "AIRFLOW_CONN_ECONSENT_ARCHIVE_VERIFY"
BUCKET: Final = "AIRFLOW_VAR_ECONSENT_AUDIT_BUCKET"
GENESIS: Final = "0" * 64
FIELDS: Final = (
    "audit_id",
    "company_id",
    "action",
    "category",
    "user",
    "ip_address",
    "timestamp",
    "details",
    "personal_sha256",
    "request_id",
    "dedupe_key",
)
"""What an entry's hash covers, in this order."""
AT_ONCE: Final = 5_000
MOST_FINDINGS: Final = 20
DAYS: Final = "audit/"

CHAIN: Final = """
    SELECT link.seq, link.audit_id AS linked_id, entry.audit_id::text AS audit_id, entry.company_id, entry.action, entry.category,
        entry."user", host(entry.ip_address) AS ip_address,
        to_char(entry."timestamp" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "timestamp", entry.details::text AS details,
        entry.personal_sha256, entry.request_id, entry.dedupe_key, link.prev_hash, link.entry_hash
    FROM econsent.audit_chain AS link LEFT JOIN econsent.audit_log AS entry ON entry.audit_id = link.audit_id
    WHERE link.seq > %(after)s ORDER BY link.seq LIMIT %(most)s
    """
UNSEALED: Final = """
    SELECT entry.audit_id FROM econsent.audit_log AS entry
    WHERE entry."timestamp" < now() - interval '5 minutes'
        AND NOT EXISTS (SELECT FROM econsent.audit_chain AS link WHERE link.audit_id = entry.audit_id)
    ORDER BY entry.audit_id LIMIT %(most)s
    """
SEGMENTS: Final = """
    SELECT day, first_seq, last_seq, last_hash, object_key, sha256, retain_until, version_id, stored_at
    FROM econsent.audit_segments ORDER BY day
    """
EXECUTIONS: Final = """
    SELECT execution.dag_id, execution.run_id, execution.clear_number FROM econsent.job_executions AS execution
    LEFT JOIN econsent.audit_log AS entry ON entry.audit_id = execution.audit_id
    WHERE (entry.details ->> 'dag_id', entry.details ->> 'run_id', entry.details ->> 'clear_number', entry.details ->> 'outcome')
        IS DISTINCT FROM (execution.dag_id, execution.run_id, execution.clear_number::text, execution.outcome)
        OR (entry.details ->> 'started_at')::timestamptz IS DISTINCT FROM execution.started_at
        OR (entry.details ->> 'ended_at')::timestamptz IS DISTINCT FROM execution.ended_at
        OR entry.details -> 'tasks' IS DISTINCT FROM execution.tasks
        OR nullif(entry.details -> 'counts', 'null') IS DISTINCT FROM execution.counts
        OR entry.details ->> 'error_sentence' IS DISTINCT FROM execution.error_sentence
    LIMIT %(most)s
    """


@dataclass(slots=True)
class Report:
    """``findings``: sentences, of the chain only the first. ``head``: the hash of the last link that holds."""

    entries: int = 0
    segments: int = 0
    head: str = GENESIS
    findings: list[str] = field(default_factory=list[str])


def main(argv: list[str], environment: Mapping[str, str] = os.environ) -> int:
    words = argparse.ArgumentParser(
        prog="./econsent verify audit", description="Walks the audit trail's hash chain, compares the days in S3, names what is broken."
    )
    words.add_argument("--json", action="store_true", help="print one JSON object on one line")
    options = words.parse_args(argv)
    try:
        client, bucket = open_archive(environment)
        with psycopg.connect(conninfo_of(environment, DATABASE)) as connection:
            report = verify(connection, client, bucket, now=datetime.now(UTC))
    except NotConfigured as error:
        return tell(error.reason)
    except psycopg.Error as error:
        return tell(f"eConsent's database could not be read ({first_line(error)}): look at ./econsent doctor and verify again.")
    except (BotoCoreError, ClientError) as error:
        return tell(f"The archive could not be read ({first_line(error)}): look at ./econsent doctor and verify again.")
    if options.json:
        told = {"entries": report.entries, "segments": report.segments, "head": report.head, "findings": report.findings}
        print(json.dumps(told))
    else:
        verdict = f"{len(report.findings)} findings" if report.findings else "everything holds"
        print("\n".join([*report.findings, f"{report.entries} entries, {report.segments} days in S3, head {report.head}: {verdict}"]))
    return 1 if report.findings else 0


def tell(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return 2


def verify(connection: psycopg.Connection[Any], client: Any, bucket: str, *, now: datetime) -> Report:
    """Check everything in one snapshot of the database. ``client``: an S3 client that may read ``bucket``."""
    report = Report()
    keys = keys_of_days(client, bucket)  # before the snapshot: a day is fixed in the database before it is stored
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        segments = cursor.execute(SEGMENTS).fetchall()
        stored = StoredDays(client, bucket, segments, report, now)
        broken = walk(chain(cursor), report, stored)
        if broken:
            report.findings.append(broken)
        stored.close()
        for key in sorted(keys - {segment["object_key"] for segment in segments})[:MOST_FINDINGS]:
            report.findings.append(f"S3 holds {key}, which no day of this database names: it was restored, or somebody else stored that")
        for row in cursor.execute(UNSEALED, {"most": MOST_FINDINGS}).fetchall():
            report.findings.append(f"entry {row['audit_id']} is older than five minutes and not sealed")
        for row in cursor.execute(EXECUTIONS, {"most": MOST_FINDINGS}).fetchall():
            name = f"{row['dag_id']} {row['run_id']} {row['clear_number']}"
            report.findings.append(f"the history of {name} says something else than its entry in the audit trail")
    return report


def keys_of_days(client: Any, bucket: str) -> set[str]:
    """Everything that lies among the stored days, hidden or not."""
    pages = client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=DAYS)
    return {found["Key"] for page in pages for found in page.get("Versions", [])}


def chain(cursor: psycopg.Cursor[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    after = 0
    while rows := cursor.execute(CHAIN, {"after": after, "most": AT_ONCE}).fetchall():
        yield from rows
        after = rows[-1]["seq"]


def walk(links: Iterator[dict[str, Any]], report: Report, stored: "StoredDays") -> str | None:
    """Follow the chain from its beginning; return what is wrong with the first link that does not hold."""
    for link in links:
        expected = report.entries + 1
        if link["seq"] != expected:
            return f"link {expected} of the chain is missing; the next one is {link['seq']}"
        name = f"link {link['seq']} (entry {link['linked_id']})"
        if link["prev_hash"] != report.head:
            return f"{name} does not follow from the link before it"
        if link["audit_id"] is None:
            return f"{name}: its entry is gone"
        if link["entry_hash"] != hash_of(link["seq"], link["prev_hash"], link):
            return f"{name} was changed after it was sealed: {link['action']} of {link['timestamp']}"
        if (difference := stored.differs(link)) is not None:
            return f"{name} differs from the day stored in S3: {difference}"
        report.entries, report.head = expected, link["entry_hash"]
    return stored.beyond(report.entries)


def hash_of(seq: int, prev_hash: str, entry: Mapping[str, Any]) -> str:
    """Return the SHA-256, in hexadecimal, of a link: its number, the hash before it and its entry's fields."""
    text = "".join(map(framed, [str(seq), prev_hash, *(entry[name] for name in FIELDS)]))
    return hashlib.sha256(text.encode()).hexdigest()


def framed(value: Any) -> str:
    """Return a field led by its length in bytes of UTF-8; a missing one is a dash."""
    if value is None:
        return "-"
    text = str(value)
    return f"{len(text.encode())}:{text}"


class StoredDays:
    """The days in S3, read in the order of the chain."""

    def __init__(self, client: Any, bucket: str, segments: Sequence[Mapping[str, Any]], report: Report, now: datetime) -> None:
        self._client, self._bucket, self._report, self._now = client, bucket, report, now
        self._segments = [segment for segment in segments if segment["stored_at"] is not None]
        self._lines: dict[int, dict[str, Any]] = {}
        for segment in segments:
            if segment["stored_at"] is None:
                report.findings.append(f"the day {segment['day']} was never stored in S3")

    def differs(self, link: Mapping[str, Any]) -> str | None:
        """Return the name of the first field in which a stored link differs, None where nothing differs or nothing is stored yet."""
        while self._segments and self._segments[0]["first_seq"] <= link["seq"]:
            self._load(self._segments.pop(0))
        line = self._lines.pop(link["seq"], None)
        if line is None:
            return None
        names = ("entry_hash", "prev_hash", *FIELDS)
        return next((name for name in names if framed(line.get(name)) != framed(link[name])), None)

    def beyond(self, last_seq: int) -> str | None:
        """A chain that ends before a stored day does was cut off."""
        known = [*self._lines, *(segment["last_seq"] for segment in self._segments)]
        return f"the chain ends at link {last_seq}, S3 holds links up to {max(known)}" if known else None

    def close(self) -> None:
        """Load what a broken chain left unread, so that days missing in S3 are named too."""
        while self._segments:
            self._load(self._segments.pop(0))

    def _load(self, segment: Mapping[str, Any]) -> None:
        day, key, findings = segment["day"], segment["object_key"], self._report.findings
        listed = self._client.list_object_versions(Bucket=self._bucket, Prefix=key)
        versions = [found["VersionId"] for found in listed.get("Versions", []) if found["Key"] == key]
        if versions != [segment["version_id"]] or any(found["Key"] == key for found in listed.get("DeleteMarkers", [])):
            findings.append(f"the day {day} does not lie in S3 as its one recorded version")
        if segment["version_id"] not in versions:
            return
        answer = self._client.get_object(Bucket=self._bucket, Key=key, VersionId=segment["version_id"])
        body: bytes = answer["Body"].read()
        if hashlib.sha256(body).hexdigest() != segment["sha256"]:
            findings.append(f"the bytes of the day {day} in S3 are not those that were recorded")
        until = answer.get("ObjectLockRetainUntilDate")
        locked = answer.get("ObjectLockMode") == "COMPLIANCE" and until is not None and until >= segment["retain_until"]
        if not locked and segment["retain_until"] > self._now:
            findings.append(f"the day {day} is not locked in S3 as it must be")
        lines = [json.loads(line) for line in body.splitlines()]
        self._lines.update({line["seq"]: line for line in lines})
        self._report.segments += 1


def open_archive(environment: Mapping[str, str]) -> tuple[Any, str]:
    """Return an S3 client that reads, and the bucket of sealed days. Raises NotConfigured."""
    found, bucket = connection_of(environment, ARCHIVE), environment.get(BUCKET)
    if not bucket:
        raise NotConfigured(f"{BUCKET} is not set, so nothing names the bucket of sealed days: start eConsent by ./econsent up.")
    extra: dict[str, str] = found.get("extra") or {}
    client: Any = get_session().create_client(
        "s3",
        endpoint_url=extra.get("endpoint_url"),
        region_name=extra.get("region_name"),
        aws_access_key_id=found.get("login"),
        aws_secret_access_key=found.get("password"),
        config=Config(connect_timeout=5, read_timeout=30),
    )
    return client, bucket
