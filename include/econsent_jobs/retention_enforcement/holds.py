"""Placing and releasing legal holds.

1. The hold's row is committed: no batch that begins afterwards deletes what it covers.
2. The company's batch in flight is waited for, at most 30 seconds.
3. Every covered version gets the archive's own hold, the second barrier.
4. The answer says what had been deleted before.

A release needs two people: the first asks, the second confirms, and then the archive's holds go too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from econsent_jobs.core.clock import Clock
from econsent_jobs.core.errors import ErrorClass, PermanentError, TransientError
from econsent_jobs.retention_enforcement.holding import follow_holds
from econsent_jobs.retention_enforcement.rules.decision import day
from econsent_jobs.retention_enforcement.store import AuditEntry, Row
from econsent_jobs.retention_enforcement.tools import Tools
from econsent_jobs.retention_enforcement.turn import Run

WAIT_SECONDS: Final = 30
RUN_SECONDS: Final = 3_600
TOLD: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be held, and who says so."""

    company_id: str
    scope: str
    value: str
    reason: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """``waited``: nothing is in flight any more. ``gone``: what of it had been deleted. ``held``: versions that the archive holds now."""

    hold_id: int
    waited: bool
    gone: Sequence[Row]
    held: int

    def words(self) -> list[str]:
        first = (
            f"Hold {self.hold_id} is placed: nothing that it covers is deleted from now on; the archive itself holds {self.held} versions."
        )
        if not self.waited:
            first = (
                f"Hold {self.hold_id} is placed, but a batch that began before is still running after {WAIT_SECONDS} seconds:"
                " what it has begun with may go, so ask ./econsent retention explain again when it has ended."
            )
        if not self.gone:
            return [first, "Nothing of it had been deleted before."]
        told = [f"  {row['kind']}  {row['object_key']}  deleted {day(row['deleted_at'])} by {row['mark_rule']}" for row in self.gone[:TOLD]]
        more = [f"  … and {len(self.gone) - TOLD} more"] if len(self.gone) > TOLD else []
        return [first, f"{len(self.gone)} objects of it had been deleted before:", *told, *more]


def place(tools: Tools, wanted: Wanted, *, clock: Clock) -> Placed:
    """Place a hold. Raises PermanentError (data) for a company that there is none of."""
    store = tools.store
    if not store.companies(now=store.now(), company_id=wanted.company_id):
        raise PermanentError(ErrorClass.DATA, f"There is no company {wanted.company_id}: nothing was held.")
    with store.transaction():
        row = {"company_id": wanted.company_id, "scope": wanted.scope, "scope_value": wanted.value}
        hold_id: int = store.one("place_hold", **row, reason=wanted.reason, placed_by=wanted.by)["hold_id"]
        details = {"hold_id": hold_id, "scope": wanted.scope, "reason": wanted.reason}
        entry = AuditEntry(action="hold.placed", category="organization", details=details, dedupe_key=f"hold:{hold_id}:placed")
        store.audit(wanted.company_id, [entry], user=wanted.by)
    waited = wait_for_batch(tools, wanted.company_id)
    held = follow(tools, wanted.company_id, clock=clock)
    return Placed(hold_id=hold_id, waited=waited, gone=store.rows("list_gone", **row), held=held)


def wait_for_batch(tools: Tools, company_id: str) -> bool:
    """Wait until the company's batch in flight has ended; False after 30 seconds."""
    try:
        with tools.store.transaction():
            tools.store.rows("set_patience", seconds=f"{WAIT_SECONDS}s")
            tools.store.rows("await_batch", company_id=company_id)
    except TransientError:
        return False
    return True


def follow(tools: Tools, company_id: str, *, clock: Clock) -> int:
    """Let the archive hold what is covered, and nothing else; return how many versions changed."""
    run = Run(step="hold", now=tools.store.now(), tools=tools, batch_size=500, deadline=clock.monotonic() + RUN_SECONDS)
    return sum(follow_holds(run.turn(company)).changed for company in run.companies(company_id))


def release(tools: Tools, hold_id: int, *, by: str) -> tuple[str, bool]:
    """Take the next step of a release; return what happened, and whether anything did."""
    store = tools.store
    found = store.rows("read_hold", hold_id=hold_id)
    if not found:
        return f"There is no hold {hold_id}: nothing was released.", False
    hold = found[0]
    if hold["released_at"] is not None:
        return f"Hold {hold_id} was released on {day(hold['released_at'])}: nothing is left to do.", False
    with store.transaction():
        step: str = store.one("release_hold", hold_id=hold_id, by=by)["step"]
        if step in {"asked", "released"}:
            action = "hold.release_asked" if step == "asked" else "hold.released"
            key = f"hold:{hold_id}:{action}"
            entry = AuditEntry(action=action, category="organization", details={"hold_id": hold_id}, dedupe_key=key)
            store.audit(hold["company_id"], [entry], user=by)
    if step == "asked":
        return f"{by} asked for the release of hold {hold_id}; a second person has to say the same, until then it holds.", True
    if step != "released":
        return f"{by} asked for this release already: a second person has to confirm it, hold {hold_id} goes on holding.", False
    freed = follow(tools, hold["company_id"], clock=tools.clock)
    return f"Hold {hold_id} is released; the archive lets go of {freed} versions. Their marks begin anew.", True
