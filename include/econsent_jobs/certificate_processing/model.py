"""What certificate processing reasons about. Times are aware UTC; hashes are lower-case hex SHA-256."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, NamedTuple

from econsent_jobs.core.errors import ErrorClass


class Key(NamedTuple):
    """Names one certificate before it has an id. Sorts in the lock order: by company, then by number."""

    company_id: str
    certificate_pk: int


class Source(StrEnum):
    SESSION = "session"
    META = "meta"
    SMS = "sms"
    VOICE = "voice"


class ConsentType(StrEnum):
    """Documented: docs/consent-tracking/installation"""

    TEXT = "text"
    EMAIL = "email"
    CALL = "call"
    AUTODIALER = "autodialer"
    PRERECORDED = "prerecorded"


class Category(StrEnum):
    """``main-implied`` and ``main-explicit`` are documented; the other two are our reading of "four categories"."""

    MAIN_IMPLIED = "main-implied"
    MAIN_EXPLICIT = "main-explicit"
    SECONDARY_IMPLIED = "secondary-implied"
    SECONDARY_EXPLICIT = "secondary-explicit"

    @property
    def explicit(self) -> bool:
        return self in {Category.MAIN_EXPLICIT, Category.SECONDARY_EXPLICIT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One leased row of the queue. ``attempts``: transient failures so far; ``lost_leases``: workers that died with this row in hand."""

    key: Key
    attempts: int
    lost_leases: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """The recorded visit. ``recording_sha256`` is what the platform noted when it closed the session, None while it is open."""

    session_id: str
    started_at: datetime
    last_chunk_at: datetime | None
    closed_at: datetime | None
    recording_path: str | None
    recording_sha256: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A claimed certificate with all that its documents are made of, as one consistent read saw it at ``read_at``.

    ``capture`` and ``geo`` are untrusted JSON text. The database summed up ``expires_at``, ``retain_until`` and ``lock_ceiling_at``.
    """

    key: Key
    status: str
    source: Source
    source_ref: str | None
    property_id: str
    session: Session | None
    submitted_at: datetime
    consent_at: datetime
    capture: str
    dom_staging_path: str | None
    ip: str | None
    user_agent: str | None
    browser_language: str | None
    geo: str | None
    origin: str | None
    domain: str | None
    expires_at: datetime
    retain_until: datetime
    lock_ceiling_at: datetime
    read_at: datetime

    @property
    def reference(self) -> str:
        """What stands for the session id in the certificate's id, payload and keys (``{source}-{source_ref}`` without one)."""
        return self.session.session_id if self.session else f"{self.source}-{self.source_ref}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentElement:
    """One tagged element as the tracker saw it. ``checked`` is None where there was no box to tick."""

    id: str
    type: ConsentType
    category: Category
    value: str
    checked: bool | None
    visible: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRecord:
    """One consent, normalised."""

    id: str
    type: ConsentType
    value: str
    category: Category


@dataclass(frozen=True, slots=True, kw_only=True)
class Rect:
    """CSS pixels, relative to the viewport."""

    top: float
    left: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """Computed CSS of the disclosure. Colours are red, green, blue (0-255) and alpha (0-1)."""

    display: str
    visibility: str
    opacity: float
    colour: tuple[int, int, int, float]
    background: tuple[int, int, int, float]
    colour_text: str
    background_text: str
    font_size_px: float
    font_weight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What only a web page has: where the disclosure stood, how it looked, and the viewport in CSS pixels."""

    rect: Rect
    style: Style
    viewport_width: float
    viewport_height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """The tracker's report after every value was checked. ``page`` is None for sources without one."""

    consents: Sequence[ConsentElement]
    disclosure: str
    page: Page | None
    form: Mapping[str, str]
    partners: Sequence[str]
    html_lang: str | None
    submitted_at: datetime | None


class Interaction(NamedTuple):
    """One link of the interaction chain. ``target`` is rrweb's node id, ``t`` the recorder's clock in Unix milliseconds."""

    seq: int
    type: str
    target: int
    t: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What reading one recording file gave: its size, its hash, and the interactions up to the submission (at most 500, the last ones)."""

    sha256: str
    size_bytes: int
    events: int
    chain: Sequence[Interaction]


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """The language of the disclosure by its text, among the documented ten codes; ``confidence`` 0 to 1."""

    code: str | None
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    template_id: str
    version: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """The platform's HMAC key. ``key_id`` stands in every certificate, so that a retired key goes on verifying."""

    key_id: str
    secret: bytes

    def __repr__(self) -> str:
        return f"SigningKey(key_id={self.key_id!r}, secret=***)"


class Kind(StrEnum):
    CERTIFICATE = "certificate"
    ATTESTATION = "attestation"
    DOM = "dom"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedDocument:
    """Exact bytes under their exact key: what a retry sends again, whatever has changed in between."""

    kind: Kind
    object_key: str
    body: bytes
    sha256: str
    content_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedSession:
    """A session that this job found to be over, with what its recording turned out to be."""

    session_id: str
    last_chunk_at: datetime | None
    recording: Recording


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A certificate whose documents are fixed. ``documents`` is empty when its lock date had already passed."""

    key: Key
    session_id: str | None
    source: Source
    retain_until: datetime
    documents: Sequence[SealedDocument]


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What sealing writes down: the documents, and the same facts for the columns. ``dom`` is the snapshot as archived."""

    sealed: Sealed
    certificate: Mapping[str, Any]
    attestation: Mapping[str, Any]
    dom: bytes | None
    closes: ClosedSession | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A sealed certificate whose documents all lie in the archive; ``version_ids`` in the order of its documents."""

    sealed: Sealed
    version_ids: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why a certificate is not finalised in this run. ``final``: it never will be without a person."""

    key: Key
    error_class: ErrorClass
    reason: str
    final: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    due: int
    oldest_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """``lease_seconds``: how long a claimed batch is ours without renewal. ``put_threads``: S3 requests in flight."""

    signing_key: SigningKey
    lease_seconds: int = 120
    put_threads: int = 8
    character_unit: Literal["code points", "UTF-16 units"] = "code points"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalised:
    """A certificate as it was finalised, with what its webhook events say."""

    key: Key
    certificate_id: str
    session_id: str | None
    source_ref: str | None
    property_id: str
    source: Source
    issued_at: datetime
    consent_at: datetime
    consumer_phone: str | None
    consumer_email: str | None
    consumer_name: str | None
    ip: str | None
    user_agent: str | None
    origin: str | None
    consent_hash: str
    consent_records: Any
    recording_hashes: Any
    recording_path: str | None
    signature: str
    signature_key_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEvent:
    """One event to publish. ``body`` is sent byte for byte; ``dedupe_key`` makes it one of its kind."""

    company_id: str
    event_type: str
    subject_id: str
    dedupe_key: str
    body: bytes
