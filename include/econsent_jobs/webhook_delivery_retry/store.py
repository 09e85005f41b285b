"""Where events, deliveries and endpoints are kept: one method per statement, rows in, dataclasses out, no decisions."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID

from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from econsent_jobs.core.statements import statement
from econsent_jobs.io.database import Connection, database_errors
from econsent_jobs.webhook_delivery_retry.model import Backlog, Claimed, Health, Settled, StoredSecret
from econsent_jobs.webhook_delivery_retry.rules.flow import Pace

PACKAGE: Final = "econsent_jobs.webhook_delivery_retry"
NOT_OF_CLAIMED: Final = frozenset({"touched"})


class FannedOut(NamedTuple):
    events: int
    deliveries: int


class Released(NamedTuple):
    """A claimed delivery that was not sent. ``wait_seconds`` at least until it is due again; an error is noted if there is one."""

    claimed: Claimed
    wait_seconds: float = 0
    error_class: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """``dedupe_key`` names the occasion, so that it is told once."""

    company_id: str
    action: str
    details: Mapping[str, Any]
    dedupe_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """To a company's owner and admins."""

    message_id: str
    company_id: str
    subject: str
    body: str


class Store(Protocol):
    def transaction(self) -> AbstractContextManager[object]:
        """Everything inside is kept together or not at all."""
        ...

    def present(self) -> AbstractContextManager[object]:
        """Be counted as a lane inside."""
        ...

    def fan_out(self, *, limit: int, given_up_after: timedelta) -> FannedOut:
        """Make the deliveries of up to ``limit`` events."""
        ...

    def claim(
        self, *, token: UUID, paces: Mapping[str, Pace], limit: int, new_room: int, failing_room: int, lease_seconds: float
    ) -> list[Claimed]:
        """Lease up to ``limit`` due deliveries. ``paces``: what this lane knows of endpoints; others may have one each."""
        ...

    def claim_suspects(self, *, token: UUID, busy: Sequence[str], limit: int, lease_seconds: float) -> list[Claimed]:
        """Lease deliveries that a worker was lost with: one an endpoint, none of those that are ``busy``."""
        ...

    def load_secrets(self, endpoint_ids: Sequence[str]) -> Mapping[str, list[StoredSecret]]:
        """Read the sealed secrets of endpoints."""
        ...

    def settle(self, token: UUID, ended: Sequence[Settled], *, run_id: str | None) -> set[UUID]:
        """Write down attempts and what becomes of their deliveries; returns those that were still ours."""
        ...

    def release(self, token: UUID, released: Sequence[Released]) -> None:
        """Put back what was claimed and not sent."""
        ...

    def lock_health(self, endpoint_ids: Sequence[str]) -> list[Health]:
        """Lock endpoints, in order."""
        ...

    def write_health(self, healths: Sequence[Health]) -> None:
        """Write what is known of endpoints by now."""
        ...

    def audit(self, entries: Sequence[AuditEntry]) -> None:
        """Write audit entries, once an occasion."""
        ...

    def mail(self, mails: Sequence[Mail]) -> None:
        """Queue mail to companies' owners and admins."""
        ...

    def backlog(self) -> Backlog:
        """Count what a further lane could send at once."""
        ...

    def next_due_seconds(self) -> float | None:
        """Say in how many seconds the next delivery can be sent, None if there is none."""
        ...


class PostgresStore:
    """The store of record. Needs a connection in autocommit mode. One thread at a time may use it.

    Every method raises TransientError (db_connectivity), PermanentError (config), or BadItem (data) for what PostgreSQL refuses.
    """

    def __init__(self, database: Connection) -> None:
        self._database = database

    @contextmanager
    def transaction(self) -> Generator[None]:
        with database_errors(), self._database.transaction():
            yield

    @contextmanager
    def present(self) -> Generator[None]:
        self._run("join_lanes")
        yield
        self._run("leave_lanes")

    def fan_out(self, *, limit: int, given_up_after: timedelta) -> FannedOut:
        return FannedOut(**self._rows("fan_out_events", batch_size=limit, given_up_after=given_up_after)[0])

    def claim(
        self, *, token: UUID, paces: Mapping[str, Pace], limit: int, new_room: int, failing_room: int, lease_seconds: float
    ) -> list[Claimed]:
        with self.transaction():
            self._run("lock_claims")
            rows = self._rows(
                "claim_deliveries",
                endpoint_ids=list(paces),
                rooms=[pace.room() for pace in paces.values()],
                proven=[pace.proven for pace in paces.values()],
                failing=[pace.failing for pace in paces.values()],
                held=[pace.in_flight + pace.waiting > 0 for pace in paces.values()],
                lease_token=token,
                batch_size=limit,
                new_room=new_room,
                failing_room=failing_room,
                lease_seconds=lease_seconds,
            )
        return [claimed_of(row) for row in rows]

    def claim_suspects(self, *, token: UUID, busy: Sequence[str], limit: int, lease_seconds: float) -> list[Claimed]:
        with self.transaction():
            self._run("lock_claims")
            rows = self._rows(
                "claim_suspects", busy_endpoint_ids=list(busy), lease_token=token, batch_size=limit, lease_seconds=lease_seconds
            )
        return [claimed_of(row) for row in rows]

    def load_secrets(self, endpoint_ids: Sequence[str]) -> Mapping[str, list[StoredSecret]]:
        secrets: dict[str, list[StoredSecret]] = {}
        for row in self._rows("load_secrets", endpoint_ids=list(endpoint_ids)):
            secrets.setdefault(row["endpoint_id"], []).append(StoredSecret(**row))
        return secrets

    def settle(self, token: UUID, ended: Sequence[Settled], *, run_id: str | None) -> set[UUID]:
        made = [each.attempted for each in ended]
        delays = [each.delay for each in ended]
        rows = self._rows(
            "settle_deliveries",
            lease_token=token,
            run_id=run_id,
            delivery_ids=[each.claimed.delivery_id for each in ended],
            attempts=[each.claimed.attempts for each in ended],
            statuses=[each.status for each in ended],
            delays_seconds=[delay.seconds if delay else None for delay in delays],
            error_classes=[each.error_class.value if each.error_class else None for each in ended],
            errors=[each.error for each in ended],
            agos_seconds=[each.ago_seconds for each in ended],
            outcomes=[attempt.outcome.value if attempt else None for attempt in made],
            durations_ms=[attempt.duration_ms if attempt else None for attempt in made],
            addresses=[attempt.address if attempt else None for attempt in made],
            status_codes=[attempt.status_code if attempt else None for attempt in made],
            excerpts=[attempt.excerpt if attempt else None for attempt in made],
            backoffs_seconds=[delay.backoff_seconds if delay else None for delay in delays],
            jitters_percent=[delay.jitter_percent if delay else None for delay in delays],
            retry_afters_seconds=[delay.retry_after_seconds if delay else None for delay in delays],
        )
        return {row["delivery_id"] for row in rows}

    def release(self, token: UUID, released: Sequence[Released]) -> None:
        self._run(
            "release_deliveries",
            lease_token=token,
            delivery_ids=[each.claimed.delivery_id for each in released],
            due_ats=[each.claimed.due_at for each in released],
            lost_leases=[each.claimed.lost_leases for each in released],
            waits_seconds=[each.wait_seconds for each in released],
            error_classes=[each.error_class for each in released],
            errors=[each.error for each in released],
        )

    def lock_health(self, endpoint_ids: Sequence[str]) -> list[Health]:
        with database_errors(), self._database.cursor(row_factory=class_row(Health)) as cursor:
            return cursor.execute(statement(PACKAGE, "lock_health"), {"endpoint_ids": sorted(endpoint_ids)}).fetchall()

    def write_health(self, healths: Sequence[Health]) -> None:
        self._run(
            "write_health",
            endpoint_ids=[health.endpoint_id for health in healths],
            statuses=[health.status for health in healths],
            circuits=[health.circuit for health in healths],
            circuit_untils=[health.circuit_until for health in healths],
            circuits_opened=[health.circuit_opened for health in healths],
            failures=[health.consecutive_failures for health in healths],
            first_failure_ats=[health.first_failure_at for health in healths],
            last_success_ats=[health.last_success_at for health in healths],
        )

    def audit(self, entries: Sequence[AuditEntry]) -> None:
        self._run(
            "audit_endpoints",
            user="system:scheduler",
            company_ids=[entry.company_id for entry in entries],
            actions=[entry.action for entry in entries],
            details=[Jsonb(entry.details) for entry in entries],
            dedupe_keys=[entry.dedupe_key for entry in entries],
        )

    def mail(self, mails: Sequence[Mail]) -> None:
        self._run(
            "mail_owners",
            message_ids=[mail.message_id for mail in mails],
            company_ids=[mail.company_id for mail in mails],
            subjects=[mail.subject for mail in mails],
            bodies=[mail.body for mail in mails],
        )

    def backlog(self) -> Backlog:
        with database_errors(), self._database.cursor(row_factory=class_row(Backlog)) as cursor:
            row = cursor.execute(statement(PACKAGE, "count_due")).fetchone()
        assert row is not None
        return row

    def next_due_seconds(self) -> float | None:
        return self._rows("find_next_due")[0]["seconds"]

    def cancel_deliveries(self, *, limit: int) -> int:
        return len(self._rows("cancel_deliveries", batch_size=limit))

    def give_up_deliveries(self, *, limit: int, given_up_after: timedelta) -> int:
        return len(self._rows("give_up_deliveries", batch_size=limit, given_up_after=given_up_after))

    def end_rotations(self, *, limit: int) -> int:
        with self.transaction():
            endpoint_ids = [row["endpoint_id"] for row in self._rows("find_ended_rotations", batch_size=limit)]
            self._run("retire_secrets", endpoint_ids=endpoint_ids)
            self._run("promote_secrets", endpoint_ids=endpoint_ids)
        return len(endpoint_ids)

    def drop_bodies(self, *, limit: int, kept_for: timedelta) -> int:
        return self._rows("drop_bodies", batch_size=limit, kept_for=kept_for)[0]["dropped"]

    def _rows(self, name: str, **parameters: Any) -> list[dict[str, Any]]:
        with database_errors(), self._database.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement(PACKAGE, name), parameters).fetchall()

    def _run(self, name: str, **parameters: Any) -> None:
        with database_errors():
            self._database.execute(statement(PACKAGE, name), parameters)


def claimed_of(row: Mapping[str, Any]) -> Claimed:
    return Claimed(**{name: value for name, value in row.items() if name not in NOT_OF_CLAIMED})
