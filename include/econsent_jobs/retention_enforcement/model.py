"""What retention reads and decides. Times are aware UTC; sizes are in bytes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum


class Rule(StrEnum):
    """Why an object is kept or deleted, the strongest first.

    ``OBJECT_LOCK`` is no policy but the store's own barrier; ``ORPHAN`` is what no row knew and a person asked to remove.
    """

    LEGAL_HOLD = "legal_hold"
    REGULATORY_MINIMUM = "regulatory_minimum"
    OBJECT_LOCK = "object_lock"
    ERASURE_REQUEST = "erasure_request"
    CUSTOMER_POLICY = "customer_policy"
    DEFAULT = "default"
    ORPHAN = "orphan"


class Verdict(StrEnum):
    """What is to be done with an object now. ``WAIT``: it is marked, and its grace or its lock is not over."""

    KEEP = "keep"
    MARK = "mark"
    WAIT = "wait"
    DELETE = "delete"


class Backend(StrEnum):
    EFS = "efs"
    S3 = "s3"


class State(StrEnum):
    STORED = "stored"
    EXPIRED = "expired"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A certificate that an object is evidence for. ``claimed``: a partner holds it, so ``expires_at`` follows that buyer's years."""

    certificate_pk: int
    status: str
    consent_at: datetime
    expires_at: datetime | None
    claimed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFacts:
    """``due_at``: when a retained session without a certificate ends. ``archived``: its recording lies in the archive, from which it was
    deleted last at ``archive_gone_at``.
    """

    status: str
    expires_at: datetime
    due_at: datetime
    retained_at: datetime | None = None
    last_accessed_at: datetime | None = None
    video_status: str = "none"
    archived: bool = False
    archive_gone_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that decides about one stored object, read in one statement.

    ``own_window`` and ``own_expiration``: the property differs from the platform's defaults. ``erasure_asked_at``: a consumer, or the
    company that closes, asked. ``holds`` says each legal hold that covers it. ``held_at``: since when the archive itself holds it.
    """

    object_id: int | None
    company_id: str
    kind: str
    backend: Backend
    object_key: str
    version_id: str | None
    size_bytes: int
    sha256: str
    state: State
    created_at: datetime
    tier: int = 1
    bucket: str | None = None
    session_id: str | None = None
    certificate_pk: int | None = None
    marked_at: datetime | None = None
    mark_rule: Rule | None = None
    guarded: bool = False
    retain_until: datetime | None = None
    accessed_at: datetime | None = None
    erasure_asked_at: datetime | None = None
    held_at: datetime | None = None
    session: SessionFacts | None = None
    served: Sequence[Served] = ()
    holds: Sequence[str] = ()
    own_window: bool = False
    own_expiration: bool = False
    policy_changed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """``due_at``: when the object may go by ``rule``, None where nothing ends by itself. ``sentence`` is for people."""

    verdict: Verdict
    rule: Rule
    sentence: str
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An object that was not deleted. ``transient``: the store was busy, and may take it the next time."""

    object_id: int
    reason: str
    transient: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A retained session's recording that is to be archived, or a session that is over and is to be closed."""

    company_id: str
    session_id: str
    property_id: str
    started_at: datetime
    recording_path: str | None
    recording_sha256: str | None
    retain_until: datetime
    lock_ceiling_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """What is left of a deleted object: a leaf of the log."""

    log_no: int
    company_id: str
    object_key: str
    version_id: str | None
    size_bytes: int
    sha256: str
    rule: str
    run_id: str
    deleted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """``run_id`` stands in tombstones. ``as_of``: the moment a plan looks at; None, which every run has, is the database's now.

    ``grace``: how long what is marked can still be kept. ``dry``: everything is decided and nothing done. ``task_logs``: the folder of
    Airflow's task logs. ``hash_share``: which part of the archive's hashes the orphan check asks for, a part a night.
    """

    run_id: str
    grace: timedelta = timedelta(days=7)
    as_of: datetime | None = None
    dry: bool = False
    task_logs: str | None = None
    repair_orphans: bool = False
    hash_share: float = 1 / 30
    suppression_key_id: str = ""
    suppression_key: bytes = field(default=b"", repr=False)
