"""The Merkle log of what was deleted: appended under its one row's lock, in the transaction that closes the objects' rows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from econsent_jobs.retention_enforcement.model import Facts, Rule, Tombstone
from econsent_jobs.retention_enforcement.rules.merkle import CHUNK, Log, leaf_hash, root_of
from econsent_jobs.retention_enforcement.store import PostgresStore

MOST_LEAVES: Final = 100_000_000


def append(store: PostgresStore, company_id: str, gone: Sequence[tuple[Facts, Rule]], *, run_id: str) -> int:
    """Close the rows of deleted objects and give each its leaf; return how many. To be called at the end of a transaction: others wait."""
    if not gone:
        return 0
    end = store.one("lock_log")
    deleted_at: datetime = end["deleted_at"]
    closed = set(store.close(company_id, [facts.object_id for facts, _ in gone if facts.object_id is not None], deleted_at=deleted_at))
    ours = [(facts, rule) for facts, rule in gone if facts.object_id in closed]
    first: int = end["leaves"]
    tombstones = [
        Tombstone(
            log_no=first + place,
            company_id=company_id,
            object_key=facts.object_key,
            version_id=facts.version_id,
            size_bytes=facts.size_bytes,
            sha256=facts.sha256,
            rule=rule.value,
            run_id=run_id,
            deleted_at=deleted_at,
        )
        for place, (facts, rule) in enumerate(ours)
    ]
    hashes = [leaf_hash(tombstone) for tombstone in tombstones]
    write(store, tombstones, hashes, first=first)
    return len(tombstones)


def write(store: PostgresStore, tombstones: Sequence[Tombstone], hashes: Sequence[bytes], *, first: int) -> None:
    """Insert leaves, the chunks that they complete, and the log's new length."""
    if not tombstones:
        return
    one = tombstones[0]
    store.run(
        "insert_tombstones",
        company_id=one.company_id,
        run_id=one.run_id,
        deleted_at=one.deleted_at,
        log_nos=[each.log_no for each in tombstones],
        object_keys=[each.object_key for each in tombstones],
        version_ids=[each.version_id for each in tombstones],
        sizes=[each.size_bytes for each in tombstones],
        sha256s=[each.sha256 for each in tombstones],
        rules=[each.rule for each in tombstones],
        leaf_sha256s=[each.hex() for each in hashes],
    )
    leaves = first + len(tombstones)
    assert leaves < MOST_LEAVES, leaves
    begin = first - first % CHUNK
    if leaves // CHUNK > first // CHUNK:
        whole = [*read_leaves(store, begin, first), *hashes]
        places = range(0, len(whole) - len(whole) % CHUNK, CHUNK)
        store.run(
            "insert_chunks",
            chunk_nos=[(begin + place) // CHUNK for place in places],
            sha256s=[root_of(whole[place : place + CHUNK]).hex() for place in places],
        )
    store.run("lengthen_log", leaves=leaves)


def read_leaves(store: PostgresStore, begin: int, end: int) -> list[bytes]:
    return [bytes.fromhex(row["leaf_sha256"]) for row in store.rows("read_leaves", first_no=begin, before_no=end)] if end > begin else []


def log_of(store: PostgresStore, leaves: int) -> Log:
    """Return the log as it was when it had so many leaves."""
    chunks = [bytes.fromhex(row["sha256"]) for row in store.rows("read_chunks", chunks=leaves // CHUNK)]
    return Log(size=leaves, chunks=chunks, leaves=lambda begin, end: read_leaves(store, begin, end))
