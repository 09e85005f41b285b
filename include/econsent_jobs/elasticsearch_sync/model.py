"""What is claimed, read, sent and answered, as plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from econsent_jobs.core.errors import ErrorClass

SCHEMA_VERSION: Final = 1
EPOCH_BITS: Final = 40
"""A version in the index is ``epoch · 2^40 + row_version``: a new epoch is newer than all that an older one ever wrote."""


class Key(NamedTuple):
    company_id: str
    certificate_pk: int

    @property
    def document_id(self) -> str:
        return f"{self.company_id}:{self.certificate_pk}"


class Claim(NamedTuple):
    """One leased outbox row. ``lost_leases``: how many workers ended while they held it."""

    key: Key
    wanted_version: int
    priority: int
    attempts: int
    lost_leases: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The fence around one claimed batch: every later write names ``token``, and changes nothing where another token stands by then.

    ``claimed_at_ms`` is the database's clock, milliseconds since 1970.
    """

    token: UUID
    claims: Sequence[Claim]
    claimed_at_ms: int = 0


TargetState = Literal["building", "live", "rollback"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An index that follows the database.

    ``built_through``: the last key that was written into it, or queued for it, while it is being filled; None when it is full.
    ``checked_through``: the last key that this round of proving it came to. ``check_round`` counts the rounds.
    """

    index_name: str
    schema_version: int
    version_epoch: int
    state: TargetState
    built_through: str | None
    checked_through: str | None
    check_round: int
    drift_found: int
    drift_repaired: int

    def version_of(self, row_version: int) -> int:
        return (self.version_epoch << EPOCH_BITS) + row_version


class Source(NamedTuple):
    """One certificate as PostgreSQL holds it now, with what the index shows of its session and attestation.

    In the order of sql/load_documents.sql: it is made a thousand times a batch, so a row becomes one as it is. Times are milliseconds since
    1970 (a year beyond 9999 fits), None where the column is empty or infinite.
    """

    certificate_pk: int
    row_version: int
    status: str
    certificate_id: str | None
    session_id: str | None
    property_id: str
    source: str
    consent_at_ms: int | None
    finalized_at_ms: int | None
    expires_at_ms: int | None
    consumer_phone: str | None
    consumer_email: str | None
    consumer_name: str | None
    ip: str | None
    geo: Any
    origin: str | None
    domain: str | None
    consent_records: Any
    opt_out: Any
    recorded: bool
    retention_status: str | None
    rrweb_to_video_status: str | None
    disclosure_sha256: str | None
    template_id: str | None
    template_version: str | None
    language: str | None
    wcag_level: str | None
    disclosure_visible: str | None


class Document(NamedTuple):
    """What the index is to hold: ``body`` is its JSON, ``sha256`` the digest of its content, ``part`` the number that sums are made of.

    A tombstone (``deleted``) holds nothing of the consumer.
    """

    key: Key
    row_version: int
    sha256: str
    part: int
    body: bytes
    deleted: bool = False


class Result(StrEnum):
    """What became of one document at one target."""

    WRITTEN = "written"
    CONFLICT = "conflict"  # the index holds this version or a newer one: which, has to be looked at
    REFUSED = "refused"  # it can never be taken as it is
    BUSY = "busy"  # not now


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """``reason`` names types and fields, never a field's value."""

    result: Result
    error_class: ErrorClass = ErrorClass.ES_WRITE
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the index holds under a key: ``version`` is Elasticsearch's, the others are its own fields."""

    version: int
    sha256: str | None = None
    row_version: int | None = None
    deleted: bool = False
    part: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A row that was not brought into the index. ``final``: trying again cannot help. ``counts``: it is an attempt."""

    key: Key
    error_class: ErrorClass
    reason: str
    final: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """``due`` rows could be claimed now. ``oldest_seconds`` is the lag: the age of the oldest change not in the index, of dead rows too."""

    due: int
    dead: int
    oldest_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """``alias``: what readers search, and how the indices' names begin. ``lease_seconds``: after this a claim is anybody's again."""

    alias: str = "certificates"
    shards: int = 1
    replicas: int = 1
    lease_seconds: float = 120.0
    bulks_in_flight: int = 3
    round_runs: int = 576
    """The whole index is proven once in so many runs: of the 720 of a day four fifths, so that a day with failures is enough too."""
    fewest_checked: int = 2_000
    tombstone_seconds: float = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One claimed batch as it was read: a row for every claim that is still due to be sent, None where the row is gone."""

    lease: Lease
    deadline: float
    targets: Sequence[Target]
    rows: Mapping[Key, Source | None]
    troubles: Sequence[Trouble] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What one batch came to: its ``documents`` by key, what could not be projected, and each target's answers, bulk by bulk."""

    documents: Mapping[Key, Document]
    troubles: Sequence[Trouble]
    answers: Sequence[tuple[Target, Mapping[Key, Answer]]]
