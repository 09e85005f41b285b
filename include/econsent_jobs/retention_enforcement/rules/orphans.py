"""Objects without rows, rows without objects, and those that differ: one pass over two sorted streams, whatever their length."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar


class Kind(StrEnum):
    OBJECT_WITHOUT_ROW = "object_without_row"
    ROW_WITHOUT_OBJECT = "row_without_object"
    WRONG_SIZE = "wrong_size"
    WRONG_HASH = "wrong_hash"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One version in the bucket. ``sha256`` None: this listing does not say. A delete marker has no size."""

    key: str
    version_id: str
    size_bytes: int | None
    modified_at: datetime
    sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One row of an object that should be there."""

    key: str
    version_id: str
    size_bytes: int
    sha256: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    kind: Kind
    key: str
    version_id: str
    sentence: str


Item = TypeVar("Item", Listed, Recorded)


def order(key: str) -> bytes:
    """S3 lists by the bytes of UTF-8, and so must the rows come."""
    return key.encode("utf-8", "surrogatepass")


def find_orphans(listing: Iterable[Listed], rows: Iterable[Recorded], *, now: datetime, grace: timedelta) -> Iterator[Orphan]:
    """Merge both streams, each sorted by ``order``, holding one key of each at a time. What is younger than ``grace`` is left alone.

    Raises ValueError where a stream goes back: a listing that cannot be trusted finds nothing.
    """
    objects, recorded = by_key(listing), by_key(rows)
    there, row = next(objects, None), next(recorded, None)
    while there is not None or row is not None:
        if row is None or (there is not None and order(there[0]) < order(row[0])):
            assert there is not None, "one of the two is there"
            yield from (without_row(each) for each in there[1] if now - each.modified_at >= grace)
            there = next(objects, None)
        elif there is None or order(row[0]) < order(there[0]):
            yield from (without_object(each) for each in row[1] if now - each.created_at >= grace)
            row = next(recorded, None)
        else:
            yield from compare(there[1], row[1], now=now, grace=grace)
            there, row = next(objects, None), next(recorded, None)


def by_key(items: Iterable[Item]) -> Iterator[tuple[str, list[Item]]]:
    group: list[Item] = []
    for item in items:
        if group and item.key != group[0].key:
            if order(item.key) < order(group[0].key):
                raise ValueError(
                    f"the list goes back from {group[0].key!r} to {item.key!r}; it changed while it was read, so read it again"
                )
            yield group[0].key, group
            group = []
        group.append(item)
    if group:
        yield group[0].key, group


def compare(there: list[Listed], rows: list[Recorded], *, now: datetime, grace: timedelta) -> Iterator[Orphan]:
    """Versions of one key against its rows."""
    versions = {each.version_id: each for each in there}
    for row in rows:
        found = versions.pop(row.version_id, None)
        if now - (row.created_at if found is None else max(row.created_at, found.modified_at)) < grace:
            continue
        if found is None or found.size_bytes is None:
            yield without_object(row)
        elif found.size_bytes != row.size_bytes:
            sentence = f"the archive holds {found.size_bytes} bytes of it, its row says {row.size_bytes}"
            yield Orphan(kind=Kind.WRONG_SIZE, key=row.key, version_id=row.version_id, sentence=sentence)
        elif found.sha256 is not None and found.sha256 != row.sha256:
            sentence = f"the archive holds other bytes (sha256 {found.sha256}) than its row says ({row.sha256})"
            yield Orphan(kind=Kind.WRONG_HASH, key=row.key, version_id=row.version_id, sentence=sentence)
    yield from (without_row(each) for each in versions.values() if now - each.modified_at >= grace)


def without_row(listed: Listed) -> Orphan:
    what = "a delete marker" if listed.size_bytes is None else f"a version of {listed.size_bytes} bytes"
    sentence = f"the archive holds {what} that no row knows"
    return Orphan(kind=Kind.OBJECT_WITHOUT_ROW, key=listed.key, version_id=listed.version_id, sentence=sentence)


def without_object(row: Recorded) -> Orphan:
    sentence = f"its row says {row.size_bytes} bytes are stored, and the archive does not have this version"
    return Orphan(kind=Kind.ROW_WITHOUT_OBJECT, key=row.key, version_id=row.version_id, sentence=sentence)
