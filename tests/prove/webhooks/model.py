"""The store of webhook delivery in memory: a simple model that the real job can be run on, thousands of times a minute.

Rows are immutable and tables are dictionaries, so that a transaction that fails puts the tables back by copying a few references.
A contract test runs the same steps on this store and on PostgreSQL.
"""

from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from econsent_jobs.webhook_delivery_retry.model import Backlog, Claimed, Health, Settled, StoredSecret
from econsent_jobs.webhook_delivery_retry.rules.flow import Pace
from econsent_jobs.webhook_delivery_retry.store import AuditEntry, FannedOut, Mail, Released

EPOCH: Final = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)
TICK: Final = timedelta(milliseconds=1)
OPEN: Final = frozenset({"pending", "retrying", "delivering"})
SECONDS: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointRow:
    endpoint_id: str
    company_id: str
    created_at: datetime
    updated_at: datetime
    events: tuple[str, ...] = ()
    http_method: str = "POST"
    max_in_flight: int = 4
    status: str = "enabled"
    disabled_at: datetime | None = None
    paused_until: datetime | None = None
    circuit: str = "closed"
    circuit_until: datetime | None = None
    circuit_opened: int = 0
    consecutive_failures: int = 0
    first_failure_at: datetime | None = None
    last_success_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    event_id: UUID
    company_id: str
    event_type: str
    subject_id: str
    body: bytes
    occurred_at: datetime
    fanned_out_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
    delivery_id: UUID
    event_id: UUID
    endpoint_id: str
    company_id: str
    next_attempt_at: datetime
    created_at: datetime
    status: str = "pending"
    attempts: int = 0
    max_attempts: int = 16
    replayed: bool = False
    lost_leases: int = 0
    lease_token: UUID | None = None
    leased_until: datetime | None = None
    last_status_code: int | None = None
    last_error_class: str | None = None
    last_error: str | None = None
    delivered_at: datetime | None = None


@dataclass(slots=True)
class Tables:
    endpoints: dict[str, EndpointRow] = field(default_factory=dict[str, EndpointRow])
    events: dict[UUID, EventRow] = field(default_factory=dict[UUID, EventRow])
    deliveries: dict[UUID, DeliveryRow] = field(default_factory=dict[UUID, DeliveryRow])
    attempts: dict[tuple[UUID, int], Mapping[str, Any]] = field(default_factory=dict[tuple[UUID, int], Mapping[str, Any]])
    audit: dict[str, tuple[AuditEntry, datetime]] = field(default_factory=dict[str, tuple[AuditEntry, datetime]])
    mails: dict[str, tuple[Mail, datetime]] = field(default_factory=dict[str, tuple[Mail, datetime]])

    def copy(self) -> "Tables":
        return Tables(*(dict(getattr(self, name)) for name in Tables.__slots__))


class Duplicate(Exception):
    """A primary key is there already: what PostgreSQL would refuse, the job must not ask for."""


class ModelDatabase:
    """One database and its clock, which moves a little with every look at it."""

    def __init__(self) -> None:
        self._now = EPOCH
        self.tables = Tables()
        self.secrets: dict[str, list[StoredSecret]] = {}
        self._numbers = 0
        self.lanes = 0

    @property
    def now(self) -> datetime:
        self._now += TICK
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)

    def new_id(self) -> UUID:
        self._numbers += 1
        return UUID(int=self._numbers)

    def change_endpoint(self, endpoint_id: str, **changes: Any) -> None:
        """The platform changes an endpoint; its trigger gives it a fresh start."""
        now = self.now
        row = self.tables.endpoints[endpoint_id]
        self.tables.endpoints[endpoint_id] = fresh_start(row, replace(row, updated_at=now, **changes), now)


def fresh_start(old: EndpointRow, new: EndpointRow, now: datetime) -> EndpointRow:
    """What the table's trigger does where status or pause change."""
    if (old.status, old.paused_until) == (new.status, new.paused_until):
        return new
    disabled_at = new.disabled_at
    if new.status == "enabled":
        disabled_at = None
    elif old.status == "enabled":
        disabled_at = new.disabled_at or now
    return replace(
        new, circuit="closed", circuit_until=None, circuit_opened=0, consecutive_failures=0, first_failure_at=None, disabled_at=disabled_at
    )


class ModelStore:
    """A ``Store`` over a ModelDatabase."""

    def __init__(self, database: ModelDatabase) -> None:
        self._database = database
        self._at: datetime | None = None

    @property
    def _tables(self) -> Tables:
        return self._database.tables

    @property
    def _now(self) -> datetime:
        """Within a transaction it is one moment."""
        return self._database.now if self._at is None else self._at

    @contextmanager
    def transaction(self) -> Generator[None]:
        before, self._at = self._database.tables.copy(), self._database.now
        try:
            yield
        except BaseException:
            self._database.tables = before
            raise
        finally:
            self._at = None

    @contextmanager
    def present(self) -> Generator[None]:
        self._database.lanes += 1
        try:
            yield
        finally:
            self._database.lanes -= 1

    def fan_out(self, *, limit: int, given_up_after: timedelta) -> FannedOut:
        now, made = self._now, 0
        fresh = sorted((row for row in self._tables.events.values() if row.fanned_out_at is None), key=lambda row: row.occurred_at)[:limit]
        for event in fresh:
            self._tables.events[event.event_id] = replace(event, fanned_out_at=now)
            for endpoint in self._tables.endpoints.values():
                if takes(endpoint, event, now=now, given_up_after=given_up_after):
                    self._add(event, endpoint, now)
                    made += 1
        return FannedOut(events=len(fresh), deliveries=made)

    def _add(self, event: EventRow, endpoint: EndpointRow, now: datetime) -> None:
        if any((row.event_id, row.endpoint_id) == (event.event_id, endpoint.endpoint_id) for row in self._tables.deliveries.values()):
            raise Duplicate(event.event_id)
        row = DeliveryRow(
            delivery_id=self._database.new_id(),
            event_id=event.event_id,
            endpoint_id=endpoint.endpoint_id,
            company_id=event.company_id,
            next_attempt_at=min(event.occurred_at, now),
            created_at=now,
        )
        self._tables.deliveries[row.delivery_id] = row

    def claim(
        self, *, token: UUID, paces: Mapping[str, Pace], limit: int, new_room: int, failing_room: int, lease_seconds: float
    ) -> list[Claimed]:
        now = self._now
        busy = {row.endpoint_id: due for row in self._tables.endpoints.values() if (due := self._open_now(row, now))}
        ours = [endpoint_id for endpoint_id in busy if not self._is_held_by_another(endpoint_id, token, now)]
        ours.sort(key=lambda each: (not is_held(paces.get(each)), busy[each][0].next_attempt_at))
        lanes = max(1, self._database.lanes)
        kinds = {each: kind_of(self._tables.endpoints[each], paces.get(each), now) for each in busy}
        words = {each: "failing" if failing else "proven" if proven else "new" for each, (proven, failing) in kinds.items()}
        whole, places = Counter(words.values()), Counter[str]()
        share: list[str] = []
        for endpoint_id in ours:
            word = words[endpoint_id]
            places[word] += 1
            if places[word] * lanes < whole[word] + lanes:
                share.append(endpoint_id)
        rooms = {each: room_of(self._tables.endpoints[each], paces.get(each)) for each in share}
        turns = Counter[str]()
        chosen: list[tuple[int, datetime, UUID]] = []
        for endpoint_id in sorted((each for each in share if rooms[each] > 0), key=lambda each: busy[each][0].next_attempt_at):
            word = words[endpoint_id]
            turns[word] += 1
            if turns[word] <= {"failing": failing_room, "proven": limit, "new": new_room}[word]:
                sound = [row for row in busy[endpoint_id] if row.lost_leases == 0][: rooms[endpoint_id]]
                chosen += [(place, row.next_attempt_at, row.delivery_id) for place, row in enumerate(sound)]
        ids = [delivery_id for _, _, delivery_id in sorted(chosen)[:limit]]
        return [self._take(delivery_id, token, lease_seconds, now, kinds) for delivery_id in ids]

    def _open_now(self, endpoint: EndpointRow, now: datetime) -> list[DeliveryRow]:
        """What is due at an endpoint, oldest first, if it may be sent to."""
        return self._due(endpoint.endpoint_id, now) if self._may_be_sent_to(endpoint, now) else []

    def claim_suspects(self, *, token: UUID, busy: Sequence[str], limit: int, lease_seconds: float) -> list[Claimed]:
        now, found = self._now, []
        for endpoint in self._tables.endpoints.values():
            if endpoint.endpoint_id in busy or not self._may_be_sent_to(endpoint, now):
                continue
            if self._is_held_by_another(endpoint.endpoint_id, token, now, or_suspect=True):
                continue
            found += [row for row in self._due(endpoint.endpoint_id, now) if row.lost_leases > 0][:1]
        chosen = sorted(found, key=lambda row: row.next_attempt_at)[:limit]
        kinds = {row.endpoint_id: (False, self._tables.endpoints[row.endpoint_id].first_failure_at is not None) for row in chosen}
        return [self._take(row.delivery_id, token, lease_seconds, now, kinds) for row in chosen]

    def _due(self, endpoint_id: str, now: datetime) -> list[DeliveryRow]:
        found = [
            row
            for row in self._tables.deliveries.values()
            if row.endpoint_id == endpoint_id and row.status in OPEN and row.next_attempt_at <= now
        ]
        return sorted(found, key=lambda row: (row.next_attempt_at, row.delivery_id))

    @staticmethod
    def _may_be_sent_to(endpoint: EndpointRow, now: datetime) -> bool:
        return (
            endpoint.status == "enabled"
            and (endpoint.paused_until is None or endpoint.paused_until <= now)
            and (endpoint.circuit == "closed" or (endpoint.circuit_until is not None and endpoint.circuit_until <= now))
        )

    def _is_held_by_another(self, endpoint_id: str, token: UUID, now: datetime, *, or_suspect: bool = False) -> bool:
        return any(
            row.endpoint_id == endpoint_id
            and row.status == "delivering"
            and row.leased_until is not None
            and row.leased_until > now
            and (row.lease_token != token or (or_suspect and row.lost_leases > 1))
            for row in self._tables.deliveries.values()
        )

    def _take(self, delivery_id: UUID, token: UUID, lease_seconds: float, now: datetime, kinds: Mapping[str, tuple[bool, bool]]) -> Claimed:
        row = self._tables.deliveries[delivery_id]
        until = now + lease_seconds * SECONDS
        self._tables.deliveries[delivery_id] = replace(
            row, status="delivering", lease_token=token, leased_until=until, next_attempt_at=until, lost_leases=row.lost_leases + 1
        )
        endpoint = self._tables.endpoints[row.endpoint_id]
        if endpoint.circuit != "closed":
            self._tables.endpoints[row.endpoint_id] = replace(endpoint, circuit="half_open", circuit_until=until)
        event = self._tables.events[row.event_id]
        proven, failing = kinds[row.endpoint_id]
        return Claimed(
            delivery_id=delivery_id,
            event_id=row.event_id,
            endpoint_id=row.endpoint_id,
            company_id=row.company_id,
            event_type=event.event_type,
            subject_id=event.subject_id,
            body=event.body,
            occurred_at=event.occurred_at,
            attempts=row.attempts,
            max_attempts=row.max_attempts,
            lost_leases=row.lost_leases,
            due_at=row.next_attempt_at,
            url=f"https://model/{row.endpoint_id}",
            http_method=endpoint.http_method,
            max_in_flight=endpoint.max_in_flight,
            proven=proven,
            failing=failing,
            read_at=now,
        )

    def load_secrets(self, endpoint_ids: Sequence[str]) -> Mapping[str, list[StoredSecret]]:
        return {endpoint_id: self._database.secrets[endpoint_id] for endpoint_id in endpoint_ids}

    def settle(self, token: UUID, ended: Sequence[Settled], *, run_id: str | None) -> set[UUID]:
        return {each.claimed.delivery_id for each in ended if self._settle(token, each, self._now)}

    def _settle(self, token: UUID, ended: Settled, now: datetime) -> bool:
        row, attempted = self._tables.deliveries[ended.claimed.delivery_id], ended.attempted
        if (row.lease_token, row.status, row.attempts) != (token, "delivering", ended.claimed.attempts):
            return False
        self._tables.deliveries[row.delivery_id] = replace(
            row,
            status=ended.status,
            attempts=row.attempts + (attempted is not None),
            next_attempt_at=now + (ended.delay.seconds if ended.delay else 0) * SECONDS,
            lease_token=None,
            leased_until=None,
            lost_leases=0,
            last_status_code=attempted.status_code if attempted else None,
            last_error_class=ended.error_class.value if ended.error_class else None,
            last_error=ended.error,
            delivered_at=now if ended.status == "delivered" else None,
        )
        if attempted is not None:
            self._note(row, ended, now)
        return True

    def _note(self, row: DeliveryRow, ended: Settled, now: datetime) -> None:
        attempted, delay, number = ended.attempted, ended.delay, row.attempts + 1
        assert attempted is not None
        if (row.delivery_id, number) in self._tables.attempts:
            raise Duplicate(row.delivery_id)
        self._tables.attempts[row.delivery_id, number] = {
            "attempt_no": number,
            "started_at": now - ended.ago_seconds * SECONDS,
            "duration_ms": attempted.duration_ms,
            "status_code": attempted.status_code,
            "outcome": attempted.outcome.value,
            "error": attempted.error,
            "address": attempted.address,
            "excerpt_bytes": len(attempted.excerpt or ""),
            "backoff_seconds": delay.backoff_seconds if delay else None,
            "jitter_percent": delay.jitter_percent if delay else None,
            "retry_after_seconds": delay.retry_after_seconds if delay else None,
        }

    def release(self, token: UUID, released: Sequence[Released]) -> None:
        now = self._now
        for each in released:
            row = self._tables.deliveries[each.claimed.delivery_id]
            if (row.lease_token, row.status) == (token, "delivering"):
                self._tables.deliveries[row.delivery_id] = replace(
                    row,
                    status="retrying" if row.attempts else "pending",
                    next_attempt_at=max(each.claimed.due_at, now + each.wait_seconds * SECONDS),
                    lease_token=None,
                    leased_until=None,
                    lost_leases=each.claimed.lost_leases,
                    last_error_class=each.error_class or row.last_error_class,
                    last_error=each.error or row.last_error,
                )

    def lock_health(self, endpoint_ids: Sequence[str]) -> list[Health]:
        return [health_of(self._tables.endpoints[endpoint_id]) for endpoint_id in sorted(endpoint_ids)]

    def write_health(self, healths: Sequence[Health]) -> None:
        now = self._now
        for health in healths:
            row = self._tables.endpoints[health.endpoint_id]
            changed = replace(
                row,
                status=health.status,
                circuit=health.circuit,
                circuit_until=health.circuit_until,
                circuit_opened=health.circuit_opened,
                consecutive_failures=health.consecutive_failures,
                first_failure_at=health.first_failure_at,
                last_success_at=health.last_success_at,
            )
            self._tables.endpoints[health.endpoint_id] = fresh_start(row, changed, now)

    def audit(self, entries: Sequence[AuditEntry]) -> None:
        for entry in entries:
            self._tables.audit.setdefault(entry.dedupe_key, (entry, self._now))

    def mail(self, mails: Sequence[Mail]) -> None:
        for mail in mails:
            self._tables.mails.setdefault(mail.message_id, (mail, self._now))

    def backlog(self) -> Backlog:
        now = self._now
        due = [
            row.next_attempt_at
            for endpoint in self._tables.endpoints.values()
            if self._may_be_sent_to(endpoint, now)
            for row in self._due(endpoint.endpoint_id, now)
        ]
        return Backlog(due=len(due), oldest_seconds=int((now - min(due)).total_seconds()) if due else 0)

    def next_due_seconds(self) -> float | None:
        now, found = self._now, []
        for row in self._tables.deliveries.values():
            endpoint = self._tables.endpoints[row.endpoint_id]
            if row.status in OPEN and endpoint.status == "enabled":
                moments = (row.next_attempt_at, endpoint.circuit_until, endpoint.paused_until)
                found.append((max(moment for moment in moments if moment is not None) - now).total_seconds())
        return min(found, default=None)


def takes(endpoint: EndpointRow, event: EventRow, *, now: datetime, given_up_after: timedelta) -> bool:
    return (
        endpoint.company_id == event.company_id
        and endpoint.status != "deleted"
        and (endpoint.disabled_at is None or endpoint.disabled_at > now - given_up_after)
        and endpoint.created_at <= event.occurred_at
        and (not endpoint.events or event.event_type in endpoint.events)
    )


def kind_of(endpoint: EndpointRow, known: Pace | None, now: datetime) -> tuple[bool, bool]:
    """Whether it is proven, and whether it is failing."""
    lately = endpoint.last_success_at is not None and endpoint.last_success_at > now - timedelta(hours=1)
    proven = known.proven if known else endpoint.circuit == "closed" and endpoint.first_failure_at is None and lately
    failing = endpoint.circuit != "closed" or (known.failing if known else endpoint.first_failure_at is not None)
    return proven, failing


def is_held(known: Pace | None) -> bool:
    """Whether the lane has something of the endpoint in hand."""
    return known is not None and known.in_flight + known.waiting > 0


def room_of(endpoint: EndpointRow, known: Pace | None) -> int:
    room = 1 if known is None else known.room()
    return room if endpoint.circuit == "closed" else min(1, room)


def health_of(row: EndpointRow) -> Health:
    return Health(
        endpoint_id=row.endpoint_id,
        company_id=row.company_id,
        status=row.status,
        circuit=row.circuit,
        circuit_until=row.circuit_until,
        circuit_opened=row.circuit_opened,
        consecutive_failures=row.consecutive_failures,
        first_failure_at=row.first_failure_at,
        last_success_at=row.last_success_at,
    )


class ModelClock:
    def __init__(self, database: ModelDatabase) -> None:
        self._database = database

    def monotonic(self) -> float:
        return (self._database.now - EPOCH).total_seconds()
