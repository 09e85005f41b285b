"""What Elasticsearch's answers mean for a row of the outbox."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from econsent_jobs.core.backoff import doubled
from econsent_jobs.core.errors import ErrorClass
from econsent_jobs.elasticsearch_sync.model import EPOCH_BITS, Answer, Document, Found, Result, Target

MOST_ATTEMPTS: Final = 5
"""A document that the index refuses is set aside after so many tries; one that met trouble of the other side is never."""
MOST_LOST_LEASES: Final = 3
"""A row that so many workers lost is tried alone; when it is lost alone too, it is set aside."""
WRITTEN: Final = Answer(result=Result.WRITTEN)
FIRST_DELAY: Final = timedelta(seconds=30)
LONGEST_DELAY: Final = timedelta(minutes=30)
FIELD: Final = re.compile(r"\bfield (?:name )?\[([A-Za-z_][\w.]*)\]|\bintroduction of \[([A-Za-z_][\w.]*)\]")


def read_item(item: Mapping[str, Any]) -> Answer:
    """Judge one item of a ``_bulk`` answer. A field's value, which the server may quote, stays out of the reason."""
    status: int = item["status"]
    if 200 <= status < 300:
        return WRITTEN
    error: Mapping[str, Any] = item.get("error") or {}
    kind = str(error.get("type", "no type told"))
    if status == 409:
        return Answer(result=Result.CONFLICT)
    if status == 400:
        return Answer(result=Result.REFUSED, error_class=ErrorClass.DATA, reason=refusal(kind, error))
    return Answer(result=Result.BUSY, reason=f"Elasticsearch did not take the document now ({status}, {kind})")


def refusal(kind: str, error: Mapping[str, Any]) -> str:
    """Say which field was refused, without its value."""
    cause: Mapping[str, Any] = error.get("caused_by") or {}
    found = FIELD.search(f"{error.get('reason')} {cause.get('reason')}")
    field = f", field {found[1] or found[2]}" if found else ""
    return f"Elasticsearch refused the document ({kind}{field})"


def judge_conflict(document: Document, target: Target, found: Found | None, *, row_version_now: int | None) -> Result | None:
    """Say what a 409 means, or None where the index is wrong.

    ``found`` is what the index holds, ``row_version_now`` the row's version as it is by now, None when the row is gone.
    It is a success where the index holds exactly this document, or what a newer state of the row wrote; newer than the database
    ever was, or other content under the same version, is drift.
    """
    if found is None:
        return Result.BUSY  # removed between the two requests
    sent = target.version_of(document.row_version)
    if found.version == sent:
        return Result.WRITTEN if found.sha256 == document.sha256 else None
    if found.version < sent:
        return Result.BUSY
    if row_version_now is None and found.deleted:
        return Result.WRITTEN  # the row was deleted after we read it, and its tombstone is there
    newest = document.row_version if row_version_now is None else max(row_version_now, document.row_version)
    return Result.WRITTEN if found.version <= target.version_of(newest) else None


def epoch_after(version: int) -> int:
    """Return the first epoch in which every version is newer than ``version``."""
    return (version >> EPOCH_BITS) + 1


def retry_delay(attempts: int) -> timedelta:
    """Return the wait after the ``attempts``-th failure in a row: 30 s, doubled each time, at most half an hour."""
    return doubled(attempts, first=FIRST_DELAY, longest=LONGEST_DELAY)
