"""What deliveries, endpoints and attempts are made of. Times are aware UTC, durations say their unit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from uuid import UUID

from econsent_jobs.core.errors import BadItem, ErrorClass


class Blocked(BadItem):
    """An address that deliveries never go to. ``reason`` says which rule refused it."""

    def __init__(self, reason: str) -> None:
        super().__init__(ErrorClass.HTTP_DELIVERY, reason)


class Outcome(StrEnum):
    """How one attempt ended, as stored in ``webhook_attempts.outcome``."""

    SUCCESS = "success"
    SUCCESS_TRUNCATED = "success_truncated"  # 2xx, and more of an answer than is ever read
    SUCCESS_OPAQUE = "success_opaque"  # 2xx, and a packed answer, which is never unpacked
    HTTP_ERROR = "http_error"
    GONE = "gone"  # 410: the receiver wants nothing any more
    REDIRECT = "redirect"
    BLOCKED = "blocked"
    DNS = "dns"
    DNS_TIMEOUT = "dns_timeout"
    CONNECT = "connect"
    CONNECT_TIMEOUT = "connect_timeout"
    TLS = "tls"
    TLS_NAME = "tls_name"
    TLS_EXPIRED = "tls_expired"
    TLS_UNTRUSTED = "tls_untrusted"
    TLS_TIMEOUT = "tls_timeout"
    NO_ANSWER = "no_answer"  # no complete head of an answer in time
    SLOW_BODY = "slow_body"
    HEADERS_TOO_LARGE = "headers_too_large"
    INVALID_HTTP = "invalid_http"
    RESET = "reset"


SUCCESSES = frozenset({Outcome.SUCCESS, Outcome.SUCCESS_TRUNCATED, Outcome.SUCCESS_OPAQUE})


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressPolicy:
    """Where deliveries may go.

    ``allow_loopback`` lets tests and the embedded stack reach this machine, and opens every port; nothing else changes.
    """

    allow_loopback: bool = False
    ports: frozenset[int] = frozenset({443, 8443})


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderNames:
    """The first three are documented or our guess at what is (two of three names are not public); all can be configured."""

    signature: str = "X-EConsent-Signature"
    event: str = "X-EConsent-Event"
    timestamp: str = "X-EConsent-Timestamp"
    delivery: str = "X-EConsent-Delivery"
    attempt: str = "X-EConsent-Attempt"
    signature_next: str = "X-EConsent-Signature-Next"
    signature_v1: str = "X-EConsent-Signature-V1"
    user_agent: str = "eConsent-Webhooks/1.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretKeys:
    """``key_id`` and ``key`` (32 bytes or more) seal; ``retired`` keys, by id, still open what they sealed."""

    key_id: str
    key: bytes = field(repr=False)
    retired: Mapping[str, bytes] = field(default_factory=dict[str, bytes], repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """``in_flight``: attempts at once that may still answer quickly; ``stalled``: further ones that have not answered within a second.

    ``ca_file`` is trusted besides the public authorities. ``nameservers`` take the place of the machine's own. ``linger_seconds``: a run
    without work stays for so long, to take up what arrives or falls due meanwhile. ``beat_seconds``: while attempts go on, the database is
    asked and told that often.
    """

    keys: SecretKeys
    policy: AddressPolicy = AddressPolicy()
    headers: HeaderNames = HeaderNames()
    ca_file: Path | None = None
    nameservers: Sequence[str] = ()
    dns_port: int = 53
    request_seconds: float = 10
    lease_seconds: float = 30
    linger_seconds: float = 20
    beat_seconds: float = 0.1
    in_flight: int = 50
    stalled: int = 200

    def __post_init__(self) -> None:
        if self.lease_seconds <= self.request_seconds:
            raise ValueError("a lease must be longer than an attempt")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSecret:
    """One row of ``webhook_secrets``. The documented one signs the documented header until it ends."""

    endpoint_id: str
    secret_no: int
    ciphertext: bytes = field(repr=False)
    key_id: str
    documented_header: bool
    ends_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A secret in clear."""

    value: bytes = field(repr=False)
    documented_header: bool
    ends_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """One delivery in hand. ``attempts`` were made before; ``read_at`` is the database's time of the claim.

    ``proven``: the endpoint answered well lately and not badly since; ``failing``: it has not answered well since some failure.
    """

    delivery_id: UUID
    event_id: UUID
    endpoint_id: str
    company_id: str
    event_type: str
    subject_id: str | None
    body: bytes | None = field(repr=False)
    occurred_at: datetime
    attempts: int
    max_attempts: int
    lost_leases: int
    due_at: datetime
    url: str
    http_method: str
    max_in_flight: int
    proven: bool
    failing: bool
    read_at: datetime

    @property
    def attempt_no(self) -> int:
        return self.attempts + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is sent. Headers carry signatures, so nothing of it is ever logged."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempted:
    """How one attempt went. ``error`` is a sentence for the endpoint's owner; ``excerpt`` at most 4 KB of the answer."""

    outcome: Outcome
    duration_ms: int
    status_code: int | None = None
    address: str | None = None
    excerpt: str | None = field(default=None, repr=False)
    error: str | None = None
    retry_after: str | None = None

    @property
    def delivered(self) -> bool:
        return self.outcome in SUCCESSES


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """When the next attempt is made, and why: the backoff, its jitter in percent, or what the receiver asked for."""

    seconds: float
    backoff_seconds: int
    jitter_percent: int
    retry_after_seconds: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What becomes of a delivery after an attempt, or without one (``attempted`` is None: nothing was sent and no attempt counts)."""

    claimed: Claimed
    status: str  # delivered, retrying, exhausted
    attempted: Attempted | None
    at: datetime  # by the database's clock, as all times here
    ago_seconds: float  # since the attempt began
    delay: Delay | None = None
    error_class: ErrorClass | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What is known of an endpoint over lanes and runs: its circuit, and since when it has been failing."""

    endpoint_id: str
    company_id: str
    status: str
    circuit: str
    circuit_until: datetime | None
    circuit_opened: int
    consecutive_failures: int
    first_failure_at: datetime | None
    last_success_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one attempt says about its endpoint. ``hold``: how long the receiver asked to be left alone."""

    at: datetime
    delivered: bool
    gone: bool = False
    hold: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """Deliveries that are due and could be sent now, and how long the oldest of them has been due."""

    due: int
    oldest_seconds: int
