"""Build the next index beside the live one, prove it, and let readers change over in one moment.

1. Give up indices that an earlier reindex left for a rollback. Go on with one that was being built, or begin the next.
2. From the moment that it stands in the list of targets, every claim of the sync writes changes to it too.
3. Fill it from the rows, company by company, a page at a time, under the same versions: in whatever order, the newer state stays.
4. Prove it: every document against its row, by sums and where they differ one by one, until a whole round finds nothing.
5. Let both aliases name it, at once. The old index stays a target, so that going back would un-revoke nothing.

It can be killed at any line and run again: what was filled is written down page by page, and each step finds what the last one did.
"""

import logging
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future

from econsent_jobs.core.collecting import rarely_collected
from econsent_jobs.core.errors import BadItem, ErrorClass, PermanentError, TransientError
from econsent_jobs.core.limits import Limits
from econsent_jobs.core.logs import about
from econsent_jobs.core.results import JobResult
from econsent_jobs.elasticsearch_sync import drift
from econsent_jobs.elasticsearch_sync.job import BATCHES_AHEAD, drain, ensure_live_index
from econsent_jobs.elasticsearch_sync.model import SCHEMA_VERSION, Document, Key, Result, Source, Target
from econsent_jobs.elasticsearch_sync.rules.projection import project
from econsent_jobs.elasticsearch_sync.tools import Tools

log = logging.getLogger(__name__)

MOST_PROOFS = 5
"""Rounds of proof and repair; what is still wrong after so many is not drift but a fault."""


@rarely_collected()
def reindex(*, tools: Tools, limits: Limits) -> JobResult:
    """Bring a fresh index into use. Raises TransientError when the time is up or the other side away: the next run continues.

    Raises PermanentError (integrity) when the new index cannot be made equal to the database; readers keep the old one.
    """
    deadline = tools.clock.monotonic() + limits.run_seconds
    ensure_live_index(tools)
    target = begin(tools)
    written = fill(target, tools, page=limits.batch_size, deadline=deadline)
    prove_whole(target.index_name, tools, limits, deadline=deadline)
    change_over(target.index_name, tools)
    return JobResult(examined=written, changed=written)


def begin(tools: Tools) -> Target:
    """Steps 1 and 2. The new index takes the live one's epoch over, so that versions mean the same in both."""
    with tools.store.transaction():
        tools.store.lock_targets()
        targets = tools.store.targets()
        building = [target for target in targets if target.state == "building"]
        if building:
            log.info("Going on with %s, filled through %r", building[0].index_name, building[0].built_through)
            return building[0]
        for old in targets:
            if old.state == "rollback":
                tools.store.drop_target(old.index_name)
                tools.index.delete(old.index_name)
                log.info("Gave up %s, which was kept for a rollback", old.index_name)
        live = next(target for target in targets if target.state == "live")
        name = tools.index.free_name(target.index_name for target in targets)
        tools.index.delete(name)  # what a run left that was killed before its commit
        tools.index.create(name)
        tools.store.add_target(name, schema_version=SCHEMA_VERSION, version_epoch=live.version_epoch, state="building")
    log.info("Building %s", name)
    return tools.store.target(name)


def fill(target: Target, tools: Tools, *, page: int, deadline: float) -> int:
    """Step 3. Return how many documents this run wrote. While a page is read, those before it are projected and sent."""
    if target.built_through is None:
        return 0
    written = 0
    going: deque[tuple[Key, Future[int]]] = deque()

    def settle_first() -> int:
        last, sent = going.popleft()
        count = written + sent.result()
        tools.store.note_progress(target.index_name, last.document_id)
        log.info("%s: %d documents written, through %s", target.index_name, count, last.document_id)
        return count

    with tools.open_senders(tools.settings.bulks_in_flight) as pool:
        for company_id, pks in pages_after(target.built_through, tools, page):
            if tools.clock.monotonic() > deadline:
                while going:
                    written = settle_first()
                raise TransientError(ErrorClass.TIMEOUT, f"the time is up after {written} documents; the next try goes on from there")
            indexed_at_ms = tools.store.now_ms()
            with tools.store.snapshot():
                rows = tools.store.load(company_id, pks)
            going.append((Key(company_id, pks[-1]), pool.submit(write_page, target, company_id, rows, tools, indexed_at_ms)))
            if len(going) > BATCHES_AHEAD:
                written = settle_first()
        while going:
            written = settle_first()
    tools.store.note_progress(target.index_name, None)
    return written


def pages_after(built_through: str, tools: Tools, page: int) -> Iterator[tuple[str, list[int]]]:
    """Yield company and keys, page by page, from where an earlier run was stopped."""
    company_id, _, pk = built_through.rpartition(":")
    after = int(pk or 0)
    while True:
        pks = tools.store.page(company_id, after=after, most=page) if company_id else []
        if pks:
            yield company_id, pks
            after = pks[-1]
            continue
        following = tools.store.companies(after=company_id, most=1)
        if not following:
            return
        company_id, after = following[0], 0


def write_page(target: Target, company_id: str, rows: Sequence[Source], tools: Tools, indexed_at_ms: int) -> int:
    """Send a page's documents and return how many they are. Raises TransientError when the index did not take them all."""
    documents = project_page(company_id, rows, indexed_at_ms)
    for bulk in tools.index.split(documents):
        busy = [answer for answer in tools.index.send(target, bulk).values() if answer.result is Result.BUSY]
        if busy:
            raise TransientError(busy[0].error_class, f"{len(busy)} documents were not taken: {busy[0].reason}")
    return len(documents)


def project_page(company_id: str, rows: Sequence[Source], indexed_at_ms: int) -> list[Document]:
    """Project rows. What can be no document waits in the outbox for a person; readers never saw what is gone."""
    documents: list[Document] = []
    for row in rows:
        key = Key(company_id, row.certificate_pk)
        try:
            document = project(key, row, row_version=row.row_version, indexed_at_ms=indexed_at_ms)
        except BadItem as error:
            with about(company_id):
                log.warning("Document %s is left out: %s", key.document_id, error.reason)
            continue
        if not document.deleted:
            documents.append(document)
    return documents


def prove_whole(index_name: str, tools: Tools, limits: Limits, *, deadline: float) -> None:
    """Step 4. What the proof finds wrong is repaired through the outbox, and proven again."""
    for _ in range(MOST_PROOFS):
        drain(tools, limits, deadline=deadline)
        tools.store.restart_check(index_name)
        report = drift.prove(tools.store.target(index_name), tools, most=None, deadline=deadline)
        log.info("%s: %s", index_name, report)
        if not report.round_ended:
            raise TransientError(ErrorClass.TIMEOUT, "the time is up while the new index is proven; the next try proves it anew")
        if not report.kinds:
            return
    sentence = f"{index_name} still differs from the database after {MOST_PROOFS} rounds of proof; readers keep the old index"
    raise PermanentError(ErrorClass.INTEGRITY, sentence)


def change_over(index_name: str, tools: Tools) -> None:
    """Step 5. Killed between the two, the next run's sync would point the aliases back, and this would change them again."""
    with tools.store.transaction():
        tools.store.lock_targets()
        tools.store.make_live(index_name)
        tools.index.point_aliases(tools.store.target(index_name))
    log.info("Readers now search %s", index_name)


def roll_back(*, tools: Tools) -> str:
    """Let readers search the index again that was live before the last reindex, and return its name. Nothing is un-revoked by that.

    It stayed a target, so every change is in it. Raises PermanentError (config) where none is kept. Killed between the two steps, the
    next run of the sync points the aliases.
    """
    with tools.store.transaction():
        tools.store.lock_targets()
        name = kept_for_rollback(tools)
        tools.store.make_live(name)
        tools.index.point_aliases(tools.store.target(name))
    log.info("Readers search %s again", name)
    return name


def kept_for_rollback(tools: Tools) -> str:
    """Return the index that was live before the last reindex. Raises PermanentError (config) where none is kept."""
    for target in tools.store.targets():
        if target.state == "rollback" and target.built_through is None and tools.index.exists(target):
            return target.index_name
    raise PermanentError(ErrorClass.CONFIG, "No index is kept for a rollback: only a reindex leaves one, until the next one.")
