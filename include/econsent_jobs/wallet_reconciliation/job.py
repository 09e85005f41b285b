"""Reconcile every wallet once: what was used and paid comes into the ledger, and the balance is what the entries say.

1. Lease the next wallet that has had no turn in this run; its company's trouble is its own, and the others go on.
2. Post usage at the price of its time, in slices that hold the wallet's lock for a fraction of a second; set aside what has no price.
3. Reverse charges of voided usage, and the later of two charges for one request.
4. Ask the provider about open payments, under no lock and in no transaction; then post settled payments, refunds and disputes.
5. Bill retentions above the quota, unit by unit from where the last bill ended, of every month that is not fully billed.
6. Under the lock: compare the cached balance with checkpoint and entries, explain and repair a drift, tell of a low balance, decide on a
   recharge (a pending payment of its own id), move the checkpoint, and write down the turn. One transaction.
7. Send the recharge that was decided, and write down its answer.
8. Begin again until every wallet had its turn or the time is up.

It can be killed at any line: entries have idempotency keys, a payment is committed before the provider hears of it and asked for before it
is sent again, and a turn that was cut off is taken up by the next run.
"""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final
from uuid import uuid4

from econsent_jobs.core.collecting import rarely_collected
from econsent_jobs.core.errors import BadItem, EconsentError, ErrorClass, PermanentError, TransientError
from econsent_jobs.core.limits import Limits
from econsent_jobs.core.logs import about
from econsent_jobs.core.results import JobResult
from econsent_jobs.wallet_reconciliation.model import (
    Answer,
    Entry,
    Finding,
    Lease,
    OpenMonth,
    OverageCharge,
    Payment,
    Reconciliation,
    Request,
    Result,
    Slice,
    Snapshot,
    Sum,
    Totals,
    Wallet,
)
from econsent_jobs.wallet_reconciliation.payments import ask
from econsent_jobs.wallet_reconciliation.rules import notices
from econsent_jobs.wallet_reconciliation.rules.balance import A_DAY, crossing, payment_id_of, recharge_amount
from econsent_jobs.wallet_reconciliation.rules.drift import explain_drift, find_oddities
from econsent_jobs.wallet_reconciliation.rules.overage import price_overage
from econsent_jobs.wallet_reconciliation.rules.report import report_text, snapshot_text
from econsent_jobs.wallet_reconciliation.rules.slices import next_slice
from econsent_jobs.wallet_reconciliation.store import SCHEDULER
from econsent_jobs.wallet_reconciliation.tools import Tools

log = logging.getLogger(__name__)

FIRST_SLICE: Final = 500
MOST_LOST_LEASES: Final = 3
MOST_UNITS: Final = 100_000


class LeaseLost(Exception):
    """Another worker has this wallet by now; what was done is done, and the rest is its business."""


@dataclass(slots=True, kw_only=True)
class Turn:
    """One company's turn as it goes on. ``first`` is the wallet as it was when the turn began."""

    lease: Lease
    tools: Tools
    limits: Limits
    deadline: float
    first: Wallet | None = None
    charges: int = 0
    reversals: int = 0
    recharges: int = 0
    overage: Decimal = Decimal(0)
    quarantined: int = 0
    drift: Decimal = Decimal(0)
    troubles: list[EconsentError] = field(default_factory=list[EconsentError])

    @property
    def company_id(self) -> str:
        return self.lease.company_id

    def totals(self) -> Totals:
        return Totals(
            charges=self.charges,
            reversals=self.reversals,
            recharges=self.recharges,
            overage=self.overage,
            quarantined=self.quarantined,
        )

    def has_time(self) -> bool:
        return self.tools.clock.monotonic() < self.deadline

    def result(self) -> JobResult:
        """Count the company, and each thing that was set aside, as one item."""
        changed = bool(self.charges or self.reversals or self.recharges or self.overage or self.drift)
        causes = Counter({ErrorClass.DATA: self.quarantined} if self.quarantined else {})
        if self.troubles:
            causes[self.troubles[0].error_class] += 1
        return JobResult(
            examined=1 + self.quarantined,
            changed=int(changed and not self.troubles),
            skipped=int(not changed and not self.troubles),
            quarantined=self.quarantined,
            failed=int(bool(self.troubles)),
            causes=causes,
        )


@rarely_collected()
def reconcile_wallets(*, tools: Tools, limits: Limits) -> JobResult:
    """Run the job once. Raises TransientError or PermanentError when the run itself cannot go on; nothing is half done then.

    ``limits.batch_size`` is the most entries that are posted under one hold of a lock.
    """
    deadline = tools.clock.monotonic() + limits.run_seconds
    due_before = tools.settings.due_before or tools.store.now()
    result = JobResult()
    while tools.clock.monotonic() < deadline:
        lease = tools.store.claim(due_before=due_before, moment=tools.store.now(), lease_seconds=tools.settings.lease_seconds)
        if lease is None:
            break
        turn = Turn(lease=lease, tools=tools, limits=limits, deadline=deadline)
        with about(turn.company_id):
            result += take_turn(turn)
    left = tools.store.backlog(due_before=due_before, moment=tools.store.now())
    return result + JobResult(backlog=left.due, oldest_seconds=left.oldest_seconds)


def take_turn(turn: Turn) -> JobResult:
    """Reconcile one wallet; whatever goes wrong with it is this company's trouble alone, unless the database is gone."""
    try:
        reconcile(turn)
    except LeaseLost:
        log.info("Company %s: another worker has its wallet by now", turn.company_id)
    except (BadItem, TransientError) as error:
        if turn.tools.store.is_broken():
            raise
        turn.troubles.insert(0, error)
        give_up(turn, error)
    for trouble in turn.troubles:
        log.warning("Company %s failed: %s: %s", turn.company_id, trouble.error_class, trouble.reason)
    result = turn.result()
    if result.changed or result.quarantined:
        log.info(
            "Company %s: %d charges, %d reversals, %d recharges and refunds, overage %s, drift %s, %d set aside",
            *(turn.company_id, turn.charges, turn.reversals, turn.recharges, turn.overage, turn.drift, turn.quarantined),
        )
    return result


def reconcile(turn: Turn) -> None:
    """Steps 2 to 7. Raises BadItem, TransientError or LeaseLost; every step before is kept then."""
    if turn.lease.lost_leases >= MOST_LOST_LEASES:
        reason = f"{turn.lease.lost_leases} workers ended with this wallet in hand; look at their logs, the next run tries again"
        raise TransientError(ErrorClass.TIMEOUT, reason)
    turn.first = turn.tools.store.load_wallet(turn.company_id)
    post_usage(turn)
    reverse_usage(turn, turn.first)
    ask_about_payments(turn)
    post_payments(turn)
    bill_overage(turn)
    if finish(turn, turn.first):
        ask_about_payments(turn)


def in_slices(turn: Turn, post: Callable[[int], Slice]) -> None:
    """Let ``post`` work slice by slice, each in a transaction that holds the wallet's lock, until nothing is left or the time is up."""
    settings, clock, store = turn.tools.settings, turn.tools.clock, turn.tools.store
    size = min(FIRST_SLICE, turn.limits.batch_size)
    while turn.has_time():
        started = clock.monotonic()
        with store.transaction():
            store.lock_wallet(turn.company_id)
            done = post(size)
        turn.charges += done.posted
        turn.reversals += done.reversed
        turn.quarantined += done.quarantined
        if done.seen < size:
            return
        size = next_slice(
            size,
            clock.monotonic() - started,
            wanted_seconds=settings.lock_seconds,
            smallest=min(settings.smallest_slice, turn.limits.batch_size),
            largest=turn.limits.batch_size,
        )
        if not store.renew(turn.lease, moment=store.now(), lease_seconds=settings.lease_seconds):
            raise LeaseLost


def post_usage(turn: Turn) -> None:
    """Step 2."""
    store, settings = turn.tools.store, turn.tools.settings
    occurred_until = store.now() - settings.usage_age
    in_slices(
        turn,
        lambda size: store.post_usage(turn.company_id, occurred_until=occurred_until, limit=size, run_id=settings.run_id),
    )


def reverse_usage(turn: Turn, first: Wallet) -> None:
    """Step 3."""
    store, run_id = turn.tools.store, turn.tools.settings.run_id
    duplicates = store.find_duplicates(turn.company_id, after_entry_no=first.checkpoint_entry_no)
    in_slices(turn, lambda size: store.reverse_usage(turn.company_id, duplicate_ids=duplicates, limit=size, run_id=run_id))


def post_payments(turn: Turn) -> None:
    """Step 4, after the provider was asked."""
    store, run_id = turn.tools.store, turn.tools.settings.run_id

    def recharges(size: int) -> Slice:
        posted = store.post_payments(turn.company_id, limit=size, run_id=run_id)
        turn.recharges += posted
        return Slice(seen=posted)

    def refunds(size: int) -> Slice:
        posted = store.post_refunds(turn.company_id, limit=size, run_id=run_id)
        turn.recharges += posted
        return Slice(seen=posted)

    in_slices(turn, recharges)
    in_slices(turn, refunds)


def ask_about_payments(turn: Turn) -> None:
    """Steps 4 and 7: no lock is held and no transaction is open while the provider is called."""
    store, settings = turn.tools.store, turn.tools.settings
    moment = store.now()
    for listed in store.list_pending(turn.company_id, asked_from=moment - settings.pending_age, moment=moment):
        token = uuid4()
        attempts = store.lease_payment(listed.payment_id, token=token, moment=store.now(), lease_seconds=settings.payment_lease_seconds)
        if attempts is None:
            continue
        payment = replace(listed, attempts=attempts)
        try:
            answer = ask(turn.tools.provider, payment, age=store.now() - payment.created_at)
        except BadItem as error:
            turn.quarantined += 1
            store.note_payment(payment.payment_id, token=token, error=error.reason)
            store.audit(turn.company_id, notices.payment_disputed(payment, error.reason), moment=store.now())
            log.warning("Payment %s is set aside: %s", payment.payment_id, error.reason)
        except (TransientError, PermanentError) as error:
            turn.troubles.append(error)
            store.note_payment(payment.payment_id, token=token, error=error.reason)
        else:
            if answer is None:
                store.note_payment(payment.payment_id, token=token, error="the provider has not decided yet")
            else:
                settle(turn, payment, answer)


def settle(turn: Turn, payment: Payment, answer: Answer) -> None:
    """Write down the provider's answer with its entry, in one transaction; then what it says went back."""
    store, settings = turn.tools.store, turn.tools.settings
    succeeded = answer.succeeded
    moment = store.now()
    with store.transaction():
        before = store.lock_wallet(turn.company_id)
        error = None if succeeded else answer.failure_reason
        if not store.settle_payment(payment.payment_id, succeeded=succeeded, provider_ref=answer.reference, error=error, moment=moment):
            return
        if succeeded:
            turn.recharges += store.post_payments(turn.company_id, limit=turn.limits.batch_size, run_id=settings.run_id)
        store.audit(turn.company_id, notices.settled(payment, answer), moment=moment)
        if payment.ours:
            still_on, failures = store.count_failures(turn.company_id, failed=not succeeded, most=settings.failures_in_a_row)
            if before.auto_recharge_enabled and not still_on:
                store.audit(turn.company_id, notices.switched_off(payment, failures), moment=moment)
                store.write_mail(turn.company_id, notices.switched_off_mail(payment, failures))
    if answer.refunds:
        store.insert_refunds(payment.payment_id, answer.refunds)


def bill_overage(turn: Turn) -> None:
    """Step 5. A month without a price is set aside; the others are billed."""
    store = turn.tools.store
    for month in store.list_open_months(turn.company_id, moment=store.now()):
        try:
            bill_month(turn, month)
        except BadItem as error:
            turn.quarantined += 1
            log.warning("Overage of %s, %s is not billed: %s", turn.company_id, month.period, error.reason)


def bill_month(turn: Turn, month: OpenMonth) -> None:
    """Bill a month's units from where the last bill ended. The mark is moved first: whoever moves it bills. Raises BadItem for no price."""
    store = turn.tools.store
    while month.unbilled > 0 and turn.has_time():
        groups = store.load_units(turn.company_id, month, limit=MOST_UNITS)
        charges = price_overage(groups)
        billed = month.billed + sum(units.count for units in groups)
        if not charges:
            return
        with store.transaction():
            store.lock_wallet(turn.company_id)
            if not store.advance_overage(turn.company_id, month.period, billed_before=month.billed, billed=billed):
                return
            requests = [overage_request(turn.company_id, month, charge) for charge in charges]
            store.post_requests(turn.company_id, requests, created_by=SCHEDULER, run_id=turn.tools.settings.run_id)
        turn.overage -= sum((charge.amount for charge in charges), Decimal(0))
        month = replace(month, billed=billed)


def overage_request(company_id: str, month: OpenMonth, charge: OverageCharge) -> Request:
    return Request(
        entry_type="overage_charge",
        amount=charge.amount,
        sku="retention_overage",
        quantity=charge.last - charge.first + 1,
        unit_price=charge.unit_price,
        idempotency_key=f"overage:{company_id}:{month.period}:{charge.first}-{charge.last}",
        occurred_at=charge.occurred_at,
        memo=f"retentions {month.quota + charge.first + 1} to {month.quota + charge.last + 1} of {month.period:%Y-%m}",
    )


def finish(turn: Turn, first: Wallet) -> bool:
    """Step 6; returns whether a recharge was decided. Raises BadItem (integrity) where the entries themselves do not add up."""
    store, settings = turn.tools.store, turn.tools.settings
    so_far = sound(store.sum_entries(turn.company_id))
    store.advance_checkpoint(turn.company_id, so_far)  # so that the sum under the lock has little left to add
    moment = store.now()
    odd = store.find_oddities(turn.company_id, after_entry_no=first.last_entry_no, late_before=moment - settings.late_after)
    late_ids = frozenset(
        entry.ledger_id for entry in odd if entry.entry_type != "reversal" and entry.occurred_at < moment - settings.late_after
    )
    with store.transaction():
        wallet = store.lock_wallet(turn.company_id)
        total = sound(store.sum_entries(turn.company_id))
        turn.drift = wallet.balance - total.expected
        snapshot = take_snapshot(turn, wallet, total, checkpoint_entry_no=first.checkpoint_entry_no) if turn.drift else None
        findings = (*(explain_drift(snapshot) if snapshot else ()), *find_oddities(odd, late_ids=late_ids))
        needs_review = abs(turn.drift) > settings.drift_review
        if needs_review:
            store.audit(turn.company_id, notices.drift_detected(turn.company_id, turn.drift, findings, moment), moment=moment)
        recharges = decide_recharge(turn, wallet, total)
        low = crossing(wallet, total.expected)
        if low.notifies:
            store.write_mail(turn.company_id, notices.low_balance_mail(wallet, total.expected, low))
        store.close_turn(
            turn.company_id,
            total=total,
            needs_review=needs_review,
            crossing_no=low.entry_no,
            notified_no=low.entry_no if low.notifies else wallet.low_balance_notified_no,
            notifies=low.notifies,
            moment=moment,
        )
        store.record(reconciliation(turn, wallet, total, needs_review, snapshot, findings), run_id=settings.run_id, moment=moment)
    return recharges


def sound(total: Sum) -> Sum:
    """Return the sum if the last entry's own running balance says the same. Raises BadItem (integrity)."""
    if total.balance_after is not None and total.balance_after != total.expected:
        reason = (
            f"checkpoint and entries give {total.expected}, and entry {total.entry_no} says {total.balance_after}; "
            "nothing was repaired, run ./econsent verify wallet_reconciliation"
        )
        raise BadItem(ErrorClass.INTEGRITY, reason)
    return total


def take_snapshot(turn: Turn, wallet: Wallet, total: Sum, *, checkpoint_entry_no: int) -> Snapshot:
    """Read what a drift is explained by, under the wallet's lock."""
    store = turn.tools.store
    entries: Sequence[Entry] = store.load_entries(wallet, drift=turn.drift)
    return Snapshot(
        company_id=turn.company_id,
        balance=wallet.balance,
        expected=total.expected,
        checkpoint_entry_no=checkpoint_entry_no,
        last_entry_no=total.entry_no,
        entries=entries,
        unposted=store.load_unposted(turn.company_id),
        strangers=store.load_strangers(turn.company_id, drift=turn.drift, moment=store.now()),
    )


def decide_recharge(turn: Turn, wallet: Wallet, total: Sum) -> bool:
    """Commit the decision with the turn; the provider hears of it afterwards."""
    store, settings = turn.tools.store, turn.tools.settings
    if not wallet.auto_recharge_enabled:
        return False
    moment = store.now()
    recharges = store.count_recharges(turn.company_id, since=moment - A_DAY)
    amount = recharge_amount(wallet, total.expected, recharges, settings)
    if amount is None:
        return False
    payment_id = payment_id_of(turn.company_id, recharges)
    store.insert_recharge(turn.company_id, payment_id, amount=amount, moment=moment)
    store.audit(turn.company_id, notices.recharge_requested(payment_id, amount, total.expected), moment=moment)
    return True


def reconciliation(
    turn: Turn, wallet: Wallet, total: Sum, needs_review: bool, snapshot: Snapshot | None, findings: Sequence[Finding]
) -> Reconciliation:
    result = Result.NEEDS_REVIEW if needs_review else Result.REPAIRED if turn.drift else Result.CLEAN
    return Reconciliation(
        company_id=turn.company_id,
        opening=turn.first.balance if turn.first else wallet.balance,
        expected=total.expected,
        drift=turn.drift,
        closing=total.expected,
        totals=turn.totals(),
        result=result,
        snapshot=snapshot_text(snapshot) if snapshot else None,
        report=report_text(snapshot) if snapshot else None,
        findings=findings,
    )


def give_up(turn: Turn, error: EconsentError) -> None:
    """Write down that the turn failed, and free the wallet for the next run."""
    store = turn.tools.store
    moment = store.now()
    with store.transaction():
        balance = store.fail_turn(turn.lease, moment=moment)
        if balance is None:
            return
        failed = Reconciliation(
            company_id=turn.company_id,
            opening=turn.first.balance if turn.first else balance,
            expected=balance,
            drift=Decimal(0),
            closing=balance,
            totals=turn.totals(),
            result=Result.FAILED,
            error=str(error),
        )
        store.record(failed, run_id=turn.tools.settings.run_id, moment=moment)
