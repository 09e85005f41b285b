"""The walk over log, objects and rows: each question on its own, so that one wrong answer hides no other."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, LiteralString, TypeVar, cast

from psycopg.rows import dict_row

from econsent_jobs.io.database import Connection
from econsent_jobs.io.object_versions import Head, ObjectVersions
from econsent_verify.findings import short
from econsent_verify.retention_enforcement_checks.findings import Report, Trouble
from econsent_verify.retention_enforcement_checks.merkle import Growing, leaf_of

PACKAGE: Final = "econsent_verify.retention_enforcement_checks"
CHUNK: Final = 256
PAGE: Final = 2_000
LONGEST_KEY: Final = 1_024  # characters that a key may have: a finding names it whole
Row = dict[str, Any]
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """What is read. ``efs_base``: the folder of recordings. ``threads``: questions to the buckets at a time."""

    database: Connection
    archive: ObjectVersions
    audit: ObjectVersions
    efs_base: Path
    threads: int = 8

    def rows(self, query: str, /, **parameters: Any) -> list[Row]:
        sql = (files(PACKAGE) / "sql" / f"{query}.sql").read_text(encoding="utf-8")
        with self.database.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(cast("LiteralString", sql), parameters).fetchall()

    def asked(self, ask: Callable[[Row], Answer], rows: Sequence[Row]) -> Iterator[tuple[Row, Answer]]:
        """Ask the buckets about each row, several at a time; the answers come in the order of the rows."""
        with ThreadPoolExecutor(self.threads, thread_name_prefix="verify") as pool:
            yield from zip(rows, pool.map(ask, rows), strict=True)


def verify(stores: Stores, *, since: datetime | None = None) -> Report:
    """Ask everything. For what was deleted or sealed before ``since`` no bucket is asked again; the log is computed whole all the same."""
    report, began = Report(), time.monotonic()
    check_log(stores, report, since=since)
    for row in stores.rows("find_silent_deletions"):
        report.add(Trouble.TOMBSTONE, name_of(row), expected="a tombstone", found="none")
    for row in stores.rows("find_held_deletions"):
        report.add(Trouble.EARLY, name_of(row), expected=f"kept by hold {row['hold_id']}", found="deleted")
    check_objects(stores, report)
    for row in stores.rows("find_finished_recordings"):
        if (stores.efs_base / row["object_key"].removeprefix(f"{stores.efs_base}/")).is_file():
            report.add(Trouble.LEFT, name_of(row), expected="gone with its session", found="the file")
    for row in stores.rows("find_personal"):
        report.add(Trouble.PERSONAL, f"certificate {row['company_id']}/{row['certificate_pk']}", expected="nothing personal", found="some")
    for row in stores.rows("find_unbilled"):
        report.add(Trouble.USAGE, f"session {row['company_id']}/{row['session_id']}", expected="one unit of usage", found="none")
    for row in stores.rows("find_requests"):
        found = f"{row['status']}, {row['names']} names"
        report.add(Trouble.REQUEST, f"request {row['request_id']}", expected="done and forgotten, in time", found=found)
    report.seconds = time.monotonic() - began
    return report


def name_of(row: Mapping[str, Any]) -> str:
    return short(f"{row['company_id']} {row['object_key']}", most=LONGEST_KEY + 100)


def is_asked_about(at: datetime, since: datetime | None) -> bool:
    """Say whether the buckets are asked about what happened then."""
    return since is None or at >= since


def tombstones(stores: Stores, *, since: datetime | None) -> Iterator[tuple[Row, bool | None]]:
    """Yield the log leaf by leaf, with whether its object is still there; None for one from before ``since``, which is not looked for."""
    after = 0
    while page := stores.rows("page_tombstones", after=after):
        wanted = [row for row in page if is_asked_about(row["deleted_at"], since)]
        left = {row["log_no"]: is_there for row, is_there in stores.asked(partial(is_left, stores), wanted)}
        yield from ((row, left.get(row["log_no"])) for row in page)
        after = page[-1]["log_no"] + 1


def is_left(stores: Stores, row: Row) -> bool:
    """Say whether what this tombstone stands for is where it was."""
    if row["backend"] == "efs":
        return (stores.efs_base / row["object_key"]).is_file()
    return row["backend"] == "s3" and stores.archive.head(row["object_key"], row["version_id"]) is not None


def check_log(stores: Stores, report: Report, *, since: datetime | None) -> None:
    """Every leaf, chunk and root, in one pass over the tombstones, and what each says is gone."""
    roots = {row["leaves"]: row for row in stores.rows("read_roots")}
    chunks = {row["chunk_no"]: row["sha256"] for row in stores.rows("read_chunks")}
    tree, chunk = Growing(), Growing()
    for row, is_there in tombstones(stores, since=since):
        if row["log_no"] != tree.size:
            report.add(Trouble.LOG, f"leaf {row['log_no']}", expected=f"number {tree.size}", found=row["log_no"])
            return
        leaf = leaf_of(row)
        if leaf.hex() != row["leaf_sha256"]:
            report.add(Trouble.LOG, f"leaf {row['log_no']}", expected=leaf.hex(), found=row["leaf_sha256"])
        tree.add(leaf)
        chunk.add(leaf)
        if chunk.size == CHUNK:
            number, found = tree.size // CHUNK - 1, chunks.get(tree.size // CHUNK - 1, "nothing")
            if found != chunk.root().hex():
                report.add(Trouble.LOG, f"chunk {number}", expected=chunk.root().hex(), found=found)
            chunk = Growing()
        if tree.size in roots and roots[tree.size]["root_sha256"] != tree.root().hex():
            report.add(Trouble.LOG, f"root of {tree.size}", expected=tree.root().hex(), found=roots[tree.size]["root_sha256"])
        if is_there is not None:
            check_gone(row, report, is_there=is_there)
    report.tombstones = tree.size
    length = stores.rows("read_length")[0]["leaves"]
    whole = tree.size // CHUNK
    if length != tree.size or len(chunks) != whole or any(leaves > tree.size for leaves in roots):
        report.add(Trouble.LOG, "length", expected=f"{tree.size} leaves, {whole} chunks", found=f"{length} leaves, {len(chunks)} chunks")
    check_seals(stores, report, roots, since=since)


def check_gone(row: Row, report: Report, *, is_there: bool) -> None:
    """A tombstone stands for exactly one row, that went after its lock, and of which nothing is left."""
    ids: list[int] = row["object_ids"] or []
    if len(ids) != 1 or not row["is_same"]:
        report.add(Trouble.TOMBSTONE, name_of(row), expected="one row of the same bytes", found=f"{len(ids)} rows")
        return
    if row["retain_until"] is not None and row["retain_until"] >= row["deleted_at"]:
        report.add(Trouble.EARLY, name_of(row), expected=f"kept until {row['retain_until']}", found=f"deleted at {row['deleted_at']}")
    if is_there:
        report.add(Trouble.LEFT, name_of(row), expected="gone", found=f"version {row['version_id']}")


def check_seals(stores: Stores, report: Report, roots: Mapping[int, Row], *, since: datetime | None) -> None:
    """What the audit bucket holds is what was sealed, under its lock, and says what the log says."""
    for row, document in sealed_documents(stores, report, list(roots.values()), since=since):
        if (document.get("root"), document.get("leaves")) != (row["root_sha256"], row["leaves"]):
            report.add(Trouble.SEAL, row["object_key"], expected=row["root_sha256"], found=document.get("root"))
    for row, document in sealed_documents(stores, report, stores.rows("read_certificates"), since=since):
        listed = [(each.get("logNo"), each.get("leaf")) for each in document.get("deleted", [])]
        month = stores.rows("list_month", company_id=row["company_id"], month=row["month"], leaves=row["leaves"])
        expected = [(each["log_no"], each["leaf_sha256"]) for each in month]
        root = roots[row["leaves"]]["root_sha256"] if row["leaves"] in roots else "a root that is there"
        if listed != expected or document.get("root") != root or document.get("objects") != len(expected):
            report.add(Trouble.SEAL, row["object_key"], expected=f"{len(expected)} deletions under {root}", found=f"{len(listed)}")


def sealed_documents(
    stores: Stores, report: Report, rows: Sequence[Row], *, since: datetime | None
) -> Iterator[tuple[Row, dict[str, Any]]]:
    """Yield what sealed documents say. One that is not stored yet is left out; one that is not to be trusted too, and is told of."""
    wanted = [row for row in rows if row["version_id"] is not None and is_asked_about(row["made_at"], since)]
    found = {
        row["object_key"]: each for row, each in stores.asked(lambda row: stores.audit.read(row["object_key"], row["version_id"]), wanted)
    }
    for row in rows:
        body, name = bytes(row["document"]), row["object_key"]
        if hashlib.sha256(body).hexdigest() != row["document_sha256"]:
            report.add(Trouble.SEAL, name, expected=row["document_sha256"], found="other bytes in its row")
        elif row["version_id"] is not None and (name not in found or is_sealed(row, found[name], report)):
            yield row, cast("dict[str, Any]", json.loads(body))


def is_sealed(row: Row, found: tuple[Head, str] | None, report: Report) -> bool:
    """Compare a sealed document with its object, and tell of a difference."""
    if found is None:
        report.add(Trouble.SEAL, row["object_key"], expected="an object in the audit bucket", found="nothing")
        return False
    head, sha256 = found
    until = head.retain_until
    if sha256 != row["document_sha256"] or until is None or until < row["retain_until"].astimezone(UTC).replace(microsecond=0):
        report.add(Trouble.SEAL, row["object_key"], expected=f"its bytes, locked until {row['retain_until']}", found=f"{sha256}, {until}")
        return False
    return True


def check_objects(stores: Stores, report: Report) -> None:
    """What is to be kept is there, in its size and bytes, locked and held as its row says."""
    after = 0
    while page := stores.rows("page_objects", bucket=stores.archive.bucket, after=after):
        for row, head in stores.asked(lambda row: stores.archive.head(row["object_key"], row["version_id"]), page):
            report.objects += 1
            if head is None or head.size_bytes != row["bytes"] or (head.sha256 is not None and head.sha256 != row["sha256"]):
                found = "nothing" if head is None else f"{head.size_bytes} bytes, {head.sha256}"
                report.add(Trouble.MISSING, name_of(row), expected=f"{row['bytes']} bytes, {row['sha256']}", found=found)
            elif row["held_at"] is not None and not head.held:
                report.add(Trouble.HOLD, name_of(row), expected="held by the archive", found="not held")
            elif head.retain_until is not None and row["retain_until"] > head.retain_until:
                report.add(Trouble.MISSING, name_of(row), expected=f"locked until {row['retain_until']}", found=head.retain_until)
        after = page[-1]["storage_object_id"]
