"""Where the index and the database differ, and of what kind the difference is."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from econsent_jobs.elasticsearch_sync.model import EPOCH_BITS, Document, Found, Target

BUCKET_KEYS: Final = 8
"""Keys whose parts are summed: few enough that reading one bucket by document is cheap, and a sum of their parts is exact."""
WHOLE_EVERY: Final = 60
"""In every so many rounds a range of keys is read whole and digested anew, which also finds what was altered under its old digest. With a
round a day that is once in two months, and a round reads a sixtieth of the index and what differs: less than a twentieth of its bytes."""


class Kind(StrEnum):
    """What is wrong with a document."""

    MISSING = "missing"
    STALE = "stale"
    PHANTOM = "phantom"  # shown, although nothing in the database is to be shown
    MISROUTED = "misrouted"  # lies where no search of its company looks
    CONTENT = "content"  # the right version with other content
    NEWER = "newer"  # than the database ever was, as after a restore


class Sums(NamedTuple):
    """The parts and the keys of a bucket's documents, added up.

    A document that moved to another key carries its old part along: only the keys tell.
    """

    parts: int
    keys: int


def bucket_of(certificate_pk: int) -> int:
    return certificate_pk // BUCKET_KEYS * BUCKET_KEYS


def sums_of(documents: Iterable[Document]) -> dict[int, Sums]:
    """Add up what readers are to see, by bucket. Tombstones are seen by nobody."""
    sums: dict[int, Sums] = {}
    for document in documents:
        if not document.deleted:
            add(sums, document.key.certificate_pk, document.part)
    return sums


def add(sums: dict[int, Sums], certificate_pk: int, part: int) -> None:
    """Count one document that readers are to see."""
    bucket = bucket_of(certificate_pk)
    before = sums.get(bucket, Sums(0, 0))
    sums[bucket] = Sums(before.parts + part, before.keys + certificate_pk)


def differing(ours: Mapping[int, Sums], theirs: Mapping[int, Sums]) -> list[int]:
    """Return the buckets in which something differs, in order."""
    return sorted(bucket for bucket in ours.keys() | theirs.keys() if ours.get(bucket) != theirs.get(bucket))


def judge(expected: Document | None, found: Found | None, target: Target, *, altered: bool) -> Kind | None:
    """Say what is wrong with one document, None where nothing is.

    ``expected`` is what the row gives now, None for a row that is gone; ``found`` what the index holds; ``altered`` says that its
    content is not that of the digest it carries, or its part not the one that belongs to them, or that a tombstone holds more than it may.
    """
    if expected is None or expected.deleted:
        if found is not None and not found.deleted:
            return Kind.PHANTOM
        return Kind.CONTENT if found is not None and altered else None
    if found is None:
        return Kind.MISSING
    epoch, row_version = taken_apart(found.version)
    if epoch > target.version_epoch or row_version > expected.row_version:
        return Kind.NEWER  # what an earlier epoch wrote is right as long as its row's version is
    if row_version < expected.row_version:
        return Kind.MISSING if found.deleted else Kind.STALE
    return Kind.CONTENT if found.deleted or altered or found.sha256 != expected.sha256 else None


def taken_apart(version: int) -> tuple[int, int]:
    """Return the epoch and the row's version that a document's version is made of."""
    return version >> EPOCH_BITS, version & (2**EPOCH_BITS - 1)


def looks_wrong(expected: Document | None, found: Found, target: Target) -> bool:
    """Say whether a document has to be looked at more closely, by its version and its part alone."""
    if expected is None or expected.deleted:
        return not found.deleted
    epoch, row_version = taken_apart(found.version)
    return found.deleted or found.part != expected.part or row_version != expected.row_version or epoch > target.version_epoch


def read_whole(buckets: Iterable[int], check_round: int) -> list[int]:
    """Return the buckets that are read whole in this round: each is, once in ``WHOLE_EVERY``, and about as many in every one of them."""
    return sorted(bucket for bucket in buckets if (bucket // BUCKET_KEYS + check_round) % WHOLE_EVERY == 0)
