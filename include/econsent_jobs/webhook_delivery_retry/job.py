"""Deliver webhooks: every event to every endpoint that subscribed to it, at least once, and no endpoint at another's cost.

1. Fan out: fresh events become deliveries, one for each endpoint, in the statement that marks them.
2. Write down what ended: attempts and their deliveries in one transaction, and after it what they say about their endpoints (circuit,
   72 hours, 410); a disabled endpoint is audited and its owners get mail in the same transaction. When nobody at all can be reached, it is
   this machine's way out that is broken: then no attempt counts, everything is given back, and the run fails with that sentence.
3. Give back what is not going to be sent in time: no lease may end under an attempt.
4. Claim what is due, as much as has room: per endpoint and per kind of endpoint; suspects of lost workers one at a time.
5. Build the requests. What must not be sent ends here: a body that was dropped, a delivery that three workers were lost with.
6. Start attempts wherever there is a place; answers are read while PostgreSQL works.
7. Begin again, a beat later, so that statements have many rows. Without work the lane stays a little, for what arrives or falls due; at
   its limit it gives back what waits and sees the attempts under way to their end.

It can be killed at any line: a claimed delivery is due again when its lease ends, with the same id. Lanes share the queue.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID, uuid4

from econsent_jobs.core.collecting import rarely_collected
from econsent_jobs.core.errors import BadItem, ErrorClass, TransientError
from econsent_jobs.core.limits import Limits
from econsent_jobs.core.logs import about
from econsent_jobs.core.results import JobResult
from econsent_jobs.webhook_delivery_retry.lane import Ended, Lane, Ready, unreached
from econsent_jobs.webhook_delivery_retry.messages import disabled_audit, disabled_mail, why
from econsent_jobs.webhook_delivery_retry.model import Claimed, Health, Request, Secret, Settings, Settled, StoredSecret
from econsent_jobs.webhook_delivery_retry.rules import breaker, way_out
from econsent_jobs.webhook_delivery_retry.rules.outcomes import settle, unsendable, verdict_of
from econsent_jobs.webhook_delivery_retry.rules.signatures import build_request
from econsent_jobs.webhook_delivery_retry.secret_box import open_secret
from econsent_jobs.webhook_delivery_retry.store import Released
from econsent_jobs.webhook_delivery_retry.tools import Tools

log = logging.getLogger(__name__)

GIVEN_UP_AFTER: Final = timedelta(days=30)  # of being disabled: nobody waits for such an endpoint's events any more
FAN_OUT_EVENTS: Final = 500
MOST_SUSPECTS: Final = 8
IDLE_SECONDS: Final = 0.5  # between two looks at the queue
UNSIGNABLE_SECONDS: Final = 300.0  # until a delivery whose secret cannot be opened is looked at again
SOUND_SECONDS: Final = 60.0  # between two notes that an endpoint answers well
MARGIN_SECONDS: Final = 5.0  # of a lease, beyond the longest attempt
WAY_OUT_SECONDS: Final = 60.0  # until what nobody could be reached for is due again


@dataclass(slots=True, kw_only=True)
class Run:
    """One lane's run. ``token`` is its fence; ``sound_at``: when endpoints were last written down as sound (monotonic)."""

    tools: Tools
    limits: Limits
    lane: Lane
    token: UUID = field(default_factory=uuid4)
    result: JobResult = field(default_factory=JobResult)
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    sound_at: dict[str, float] = field(default_factory=dict[str, float])
    fanned_out_at: float = -IDLE_SECONDS
    suspected_at: float = -IDLE_SECONDS
    broken: BaseException | None = None
    cut_off: TransientError | None = None

    def now(self) -> float:
        """Monotonic seconds."""
        return self.tools.clock.monotonic()


@rarely_collected()
def deliver_webhooks(*, tools: Tools, limits: Limits) -> JobResult:
    """Run one lane. Raises TransientError or PermanentError when the run itself cannot go on; what was in hand is due again later."""
    with tools.store.present():
        return asyncio.run(deliver(tools=tools, limits=limits))


async def deliver(*, tools: Tools, limits: Limits) -> JobResult:
    """The same within an event loop."""
    run = Run(tools=tools, limits=limits, lane=Lane(places=tools.settings.in_flight, stalled_places=tools.settings.stalled))
    async with tools.sender:
        try:
            await drain(run)
        finally:
            for task in run.tasks:
                task.cancel()
            await asyncio.gather(*run.tasks, return_exceptions=True)
    left = await tools.run_blocking(tools.store.backlog)
    return run.result + JobResult(backlog=left.due, oldest_seconds=left.oldest_seconds)


async def drain(run: Run) -> None:
    """Steps 1 to 7."""
    deadline = run.now() + run.limits.run_seconds
    worked_at = run.now()
    while run.now() < deadline and run.cut_off is None:
        run.woken.clear()
        busy = await fan_out(run)
        busy |= await write_down(run)
        if run.cut_off is not None:
            break
        await give_back(run, run.lane.unsendable(now=run.now()))
        busy |= await claim(run)
        start(run)
        if busy or run.lane.in_hand:
            worked_at = run.now()
        elif not await stays(run, idle_seconds=run.now() - worked_at):
            return
        if busy:
            await pause(run)
        else:
            await rest(run, seconds=min(IDLE_SECONDS, max(0.0, deadline - run.now())))
    await give_back(run, run.lane.give_back_all())
    while run.lane.in_hand:
        run.woken.clear()
        if not await write_down(run):
            await rest(run, seconds=IDLE_SECONDS)
    if run.cut_off is not None:
        raise run.cut_off


async def fan_out(run: Run) -> bool:
    """Step 1, twice a second, and at once again while there is more."""
    if run.now() - run.fanned_out_at < IDLE_SECONDS:
        return False
    began = run.now()
    fanned = await run.tools.run_blocking(lambda: run.tools.store.fan_out(limit=FAN_OUT_EVENTS, given_up_after=GIVEN_UP_AFTER))
    if not fanned.events:
        run.fanned_out_at = began
        return False
    log.info("%d events became %d deliveries", *fanned)
    return True


async def write_down(run: Run) -> bool:
    """Step 2. What reached nobody waits for a moment, until it is known whose trouble that is."""
    doubtful, way = look_at_the_way_out(run)
    ended = run.lane.take_ended(but=doubtful if way is way_out.WayOut.DOUBTFUL else ())
    if run.cut_off is not None:
        unsent = [Released(each.ready.claimed, WAY_OUT_SECONDS, *run.cut_off.args) for each in ended if each.reached_nobody]
        await run.tools.run_blocking(lambda: run.tools.store.release(run.token, unsent))
    told = [each for each in ended if run.cut_off is None or not each.reached_nobody]
    if told:
        await record(run, [settled_of(run, each) for each in told])
    return bool(ended)


def look_at_the_way_out(run: Run) -> tuple[list[Ended], way_out.WayOut]:
    """Judge what reached nobody; ``run.cut_off`` is set for good once this machine's own way out is found broken."""
    doubtful = run.lane.doubtful()
    way = way_out.judge(
        [unreached(each) for each in doubtful],
        reached_at=run.lane.reached_at,
        now=run.now(),
        under_way=len(run.lane.running),
        patience_seconds=min(way_out.PATIENCE_SECONDS, margin_seconds(run.tools.settings) / 2),
    )
    if way is way_out.WayOut.BROKEN and run.cut_off is None:
        places = len({unreached(each).place for each in doubtful})
        reason = (
            f"{places} receivers that answered within the last hour cannot be reached, and nobody else can:"
            " look at this machine's way out and its DNS; no attempt was counted"
        )
        run.cut_off = TransientError(ErrorClass.HTTP_DELIVERY, reason)
    return doubtful, way


def margin_seconds(settings: Settings) -> float:
    """Return how much of a lease is left at the end of the longest attempt."""
    return min(MARGIN_SECONDS, (settings.lease_seconds - settings.request_seconds) / 2)


def settled_of(run: Run, ended: Ended) -> Settled:
    now = run.now()
    at = ended.ready.claimed.read_at + timedelta(seconds=now - ended.ready.claimed_at)
    return settle(ended.ready.claimed, ended.attempted, now=at, jitter=run.tools.chance(), ago_seconds=now - ended.began)


async def record(run: Run, ended: Sequence[Settled]) -> None:
    """Write down what became of deliveries, and count it; what was somebody else's by now counts as skipped."""
    held = await run.tools.run_blocking(lambda: record_together(run, ended))
    ours = [each for each in ended if each.claimed.delivery_id in held]
    counts = Counter(each.status for each in ours)
    run.result += JobResult(
        examined=len(ended),
        changed=counts["delivered"],
        skipped=len(ended) - len(ours),
        quarantined=counts["exhausted"],
        failed=counts["retrying"],
        causes=Counter(each.error_class for each in ours if each.error_class),
    )
    for each in ours:
        if each.status == "exhausted":
            with about(each.claimed.company_id):
                log.warning("Delivery %s is a dead letter: %s: %s", each.claimed.delivery_id, each.error_class, each.error)


def record_together(run: Run, ended: Sequence[Settled]) -> set[UUID]:
    """One transaction: deliveries and their attempts, then their endpoints; everybody locks in this order."""
    store = run.tools.store
    with store.transaction():
        held = store.settle(run.token, ended, run_id=run.tools.run_id)
        telling: dict[str, list[Settled]] = {}
        for each in ended:
            if each.attempted is not None and each.claimed.delivery_id in held:
                telling.setdefault(each.claimed.endpoint_id, []).append(each)
        news = {endpoint_id: attempts for endpoint_id, attempts in telling.items() if not is_known(run, endpoint_id, attempts)}
        if news:
            review(run, store.lock_health(sorted(news)), news)
    return held


def is_known(run: Run, endpoint_id: str, attempts: Sequence[Settled]) -> bool:
    """Whether these are only further successes of an endpoint that was written down as sound less than a minute ago."""
    if any(each.attempted is None or not each.attempted.delivered for each in attempts):
        run.sound_at.pop(endpoint_id, None)
        return False
    return run.now() - run.sound_at.get(endpoint_id, -SOUND_SECONDS) < SOUND_SECONDS


def review(run: Run, healths: Sequence[Health], news: Mapping[str, Sequence[Settled]]) -> None:
    """Write down what attempts tell about their endpoints; those that are to be disabled are audited, and their owners told."""
    reviewed: list[Health] = []
    for before in healths:
        health = before
        verdicts = [verdict_of(each.attempted, at=each.at) for each in news[before.endpoint_id] if each.attempted is not None]
        for verdict in verdicts:
            health = breaker.after(health, verdict, jitter=run.tools.chance())
        if health.consecutive_failures == 0:
            run.sound_at[health.endpoint_id] = run.now()
        if health != before:
            reviewed.append(health)
        if health.status != before.status:
            gone = any(verdict.gone for verdict in verdicts)
            with about(health.company_id):
                log.warning("Endpoint %s of company %s is disabled: %s", health.endpoint_id, health.company_id, why(health, gone=gone))
            run.tools.store.audit([disabled_audit(health, gone=gone)])
            run.tools.store.mail([disabled_mail(health, gone=gone)])
    run.tools.store.write_health(reviewed)


async def give_back(run: Run, unsent: Sequence[Ready]) -> None:
    """Step 3."""
    if unsent:
        released = [Released(claimed=ready.claimed) for ready in unsent]
        await run.tools.run_blocking(lambda: run.tools.store.release(run.token, released))


async def claim(run: Run) -> bool:
    """Steps 4 and 5."""
    lane, settings = run.lane, run.tools.settings
    lane.note_stalled(now=run.now())
    limit = run.limits.batch_size - lane.in_hand
    if limit <= 0:
        return False
    claimed_at = run.now()
    claimed, secrets = await run.tools.run_blocking(lambda: claim_together(run, limit))
    known = {claimed.delivery_id for claimed in lane.held()}
    dead: list[Settled] = []
    unsignable: list[Released] = []
    opened: dict[str, list[Secret]] = {}
    for each in claimed:
        if each.delivery_id in known:
            continue  # its lease ended while this process stood still; the attempt is under way
        if (end := unsendable(each)) is not None:
            dead.append(end)
            continue
        try:
            if each.endpoint_id not in opened:
                opened[each.endpoint_id] = [open_secret(settings.keys, secret) for secret in secrets.get(each.endpoint_id, [])]
            request = request_of(run, each, opened[each.endpoint_id])
        except BadItem as error:
            unsignable.append(Released(each, UNSIGNABLE_SECONDS, error.error_class, error.reason))
            with about(each.company_id):
                log.error("Delivery %s waits: %s", each.delivery_id, error.reason)
            continue
        sendable_until = claimed_at + settings.lease_seconds - settings.request_seconds - margin_seconds(settings)
        lane.take(Ready(claimed=each, request=request, sendable_until=sendable_until, claimed_at=claimed_at))
    if dead:
        await record(run, dead)
    if unsignable:
        await run.tools.run_blocking(lambda: run.tools.store.release(run.token, unsignable))
        run.result += JobResult(
            examined=len(unsignable), failed=len(unsignable), causes=Counter(ErrorClass(each.error_class) for each in unsignable)
        )
    return bool(claimed)


def claim_together(run: Run, limit: int) -> tuple[list[Claimed], Mapping[str, list[StoredSecret]]]:
    store, lane, lease_seconds = run.tools.store, run.lane, run.tools.settings.lease_seconds
    rooms = lane.rooms()
    claimed = store.claim(
        token=run.token,
        paces=lane.paces,
        limit=limit,
        new_room=rooms.new,
        failing_room=rooms.failing,
        lease_seconds=lease_seconds,
    )
    few = min(MOST_SUSPECTS - len(lane.suspects), limit - len(claimed), rooms.proven)
    if few > 0 and run.now() - run.suspected_at >= IDLE_SECONDS:
        began = run.now()
        busy = {*lane.busy_with_suspects(), *(each.endpoint_id for each in claimed)}
        suspects = store.claim_suspects(token=run.token, busy=sorted(busy), limit=few, lease_seconds=lease_seconds)
        run.suspected_at = run.suspected_at if suspects else began
        claimed += suspects
    return claimed, store.load_secrets(sorted({each.endpoint_id for each in claimed})) if claimed else {}


def request_of(run: Run, claimed: Claimed, secrets: Sequence[Secret]) -> Request:
    """Raises BadItem (config) where no secret can sign."""
    try:
        return build_request(claimed, secrets, now=claimed.read_at, names=run.tools.settings.headers)
    except ValueError as error:
        raise BadItem(ErrorClass.CONFIG, f"the endpoint {claimed.endpoint_id} has no signing secret in force: give it a new one") from error


def start(run: Run) -> None:
    """Step 6."""
    for ready in run.lane.startable(now=run.now()):
        launch(run, ready)


def launch(run: Run, ready: Ready) -> None:
    task = asyncio.get_running_loop().create_task(make_attempts(run, ready))
    run.tasks.add(task)
    task.add_done_callback(partial(ended, run))


async def make_attempts(run: Run, ready: Ready) -> None:
    """Make one attempt, and the endpoint's next ones for as long as they may begin; where its window opened, others beside them."""
    following: Ready | None = ready
    while following is not None:
        attempted = await run.tools.sender.send(following.request)
        run.lane.end(following, attempted, now=run.now())
        following = run.lane.following(ready.claimed.endpoint_id, now=run.now())
        while following is not None and (beside := run.lane.following(ready.claimed.endpoint_id, now=run.now())) is not None:
            launch(run, beside)


def ended(run: Run, task: asyncio.Task[None]) -> None:
    run.tasks.discard(task)
    if not task.cancelled() and task.exception() is not None:
        run.broken = task.exception()
    run.woken.set()


async def stays(run: Run, *, idle_seconds: float) -> bool:
    """Step 7: whether a lane without work stays, because it has not been idle for long or something falls due soon."""
    linger = run.tools.settings.linger_seconds
    if idle_seconds < linger:
        return True
    seconds = await run.tools.run_blocking(run.tools.store.next_due_seconds)
    return linger > 0 and seconds is not None and seconds <= linger


async def pause(run: Run) -> None:
    """Let attempts end for a beat, and no longer than any is under way: one statement for many of them costs much less than many."""
    with suppress(TimeoutError):
        async with asyncio.timeout(run.tools.settings.beat_seconds):
            while run.tasks and run.broken is None:
                run.woken.clear()
                await run.woken.wait()
    if run.broken is not None:
        raise run.broken


async def rest(run: Run, *, seconds: float) -> None:
    """Wait until an attempt has ended, at most so long. Raises what an attempt raised that should not have."""
    with suppress(TimeoutError):
        await asyncio.wait_for(run.woken.wait(), seconds)
    if run.broken is not None:
        raise run.broken
