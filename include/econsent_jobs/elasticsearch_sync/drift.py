"""Prove that an index equals the database, slice by slice, and write over what does not.

1. Take the next slice: one company's certificates in the order of their keys, after the last one that this round came to.
2. Project its rows as they are now. Ask the index for the sums of its documents' parts, by ranges of eight keys, and for oddities.
3. Where sums differ, read those ranges by document: id, version, part, routing. A sixtieth of the ranges is read with the contents.
4. Look again at each suspect, in the database and in the index as they are by then; what waits in the outbox is not drift.
5. Repair: want the document again, raise its row's version, raise the index's epoch, or remove what has no business there.
6. Write down how far it came and what it found. At a round's end look for companies and indices that nobody knows, and begin anew.

It can be killed at any line: a slice that was not written down is compared again.
"""

import logging
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from econsent_jobs.core.errors import BadItem
from econsent_jobs.core.logs import about
from econsent_jobs.elasticsearch_sync.index import Hit
from econsent_jobs.elasticsearch_sync.model import Document, Found, Key, Target
from econsent_jobs.elasticsearch_sync.rules import drift, outcomes
from econsent_jobs.elasticsearch_sync.rules.drift import Kind
from econsent_jobs.elasticsearch_sync.rules.projection import digest_of, part_of, project
from econsent_jobs.elasticsearch_sync.tools import Tools

log = logging.getLogger(__name__)

SLICE_KEYS = 2_048
LAST_PK = 2**63 - 1
MOST_NAMED = 20


@dataclass(slots=True, kw_only=True)
class Report:
    """What one run proved and found. ``kinds`` counts documents; ``round_ended`` says that the whole index was proven."""

    checked: int = 0
    repaired: int = 0
    kinds: Counter[Kind] = field(default_factory=Counter[Kind])
    round_ended: bool = False

    def __str__(self) -> str:
        found = ", ".join(f"{count} {kind}" for kind, count in sorted(self.kinds.items())) or "nothing wrong"
        return f"{self.checked} documents compared: {found}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """The certificates of one company with keys above ``after`` and up to ``through``."""

    company_id: str
    after: int
    through: int
    certificate_pks: Sequence[int]


def prove_share(target: Target, tools: Tools, *, deadline: float) -> Report:
    """Compare as much of the target as belongs to one run, and repair it. The next run goes on from there."""
    whole = tools.index.count(target)
    share = max(tools.settings.fewest_checked, -(-whole // tools.settings.round_runs))
    return prove(target, tools, most=share, deadline=deadline)


def prove(target: Target, tools: Tools, *, most: int | None, deadline: float) -> Report:
    """Compare slices until ``most`` certificates are compared (None: until the round ends), or the time is up."""
    report = Report()
    tools.index.refresh(target)
    company_id, _, pk = (target.checked_through or "").rpartition(":")
    after = int(pk or 0)
    while (most is None or report.checked < most) and tools.clock.monotonic() < deadline:
        if not company_id:
            following = tools.store.companies(after=(target.checked_through or "").rpartition(":")[0], most=1)
            if not following:
                end_round(target, tools, report)
                break
            company_id, after = following[0], -1
        part = next_slice(company_id, after, tools)
        found = compare(part, target, tools)
        report.kinds += found.kinds
        report.repaired += found.repaired
        report.checked += len(part.certificate_pks)
        tools.store.note_check(target.index_name, Key(company_id, part.through).document_id, kinds=found.kinds, repaired=found.repaired)
        after = part.through
        if part.through == LAST_PK:
            company_id = ""
        kept = [each for each in tools.store.targets() if each.index_name == target.index_name]
        if not kept:
            break  # a reindex gave it up meanwhile: nobody reads it any more
        target = kept[0]
    return report


def next_slice(company_id: str, after: int, tools: Tools) -> Slice:
    pks = tools.store.page(company_id, after=after, most=SLICE_KEYS)
    return Slice(company_id=company_id, after=after, through=pks[-1] if len(pks) == SLICE_KEYS else LAST_PK, certificate_pks=pks)


def compare(part: Slice, target: Target, tools: Tools) -> Report:
    """Steps 2 to 5 for one slice."""
    expected = expectation(part.company_id, part.certificate_pks, tools)
    place = {"after": part.after, "through": part.through}
    theirs, odd = tools.index.sums(target, part.company_id, **place)
    ours = drift.sums_of(expected.values())
    whole = drift.read_whole(ours.keys() | theirs.keys(), target.check_round)
    differing = [bucket for bucket in drift.differing(ours, theirs) if bucket not in whole]
    oddities = tools.index.oddities(target, part.company_id, **place) if odd else []
    strays = [hit for hit in oddities if hit.routing != part.company_id]
    spoiled = {hit.key for hit in oddities if hit.routing == part.company_id}
    hits = tools.index.read(target, part.company_id, **place, buckets=differing, whole=False)
    hits += tools.index.read(target, part.company_id, **place, buckets=whole, whole=True)
    strays += [hit for hit in hits if hit.routing == part.company_id and hit.document_id != hit.key.document_id]
    own = [hit for hit in hits if hit.routing == part.company_id and hit.document_id == hit.key.document_id]
    suspects = suspects_among(expected, own, target, {*differing, *whole}) | {hit.key for hit in strays} | spoiled
    return repair_all(part.company_id, sorted(suspects), strays, altered(own) | spoiled, target, tools)


def expectation(company_id: str, certificate_pks: Sequence[int], tools: Tools) -> dict[Key, Document]:
    """Project rows as they are now."""
    with tools.store.snapshot():
        rows = tools.store.load(company_id, certificate_pks)
    expected: dict[Key, Document] = {}
    for row in rows:
        key = Key(company_id, row.certificate_pk)
        with suppress(BadItem):  # it is set aside in the outbox, with its reason, and so is no drift
            expected[key] = project(key, row, row_version=row.row_version, indexed_at_ms=0)
    return expected


def suspects_among(expected: Mapping[Key, Document], hits: Sequence[Hit], target: Target, buckets: Container[int]) -> set[Key]:
    """Return the keys whose documents do not look as they should, among the buckets that were read."""
    shown = (key for key, document in expected.items() if not document.deleted and drift.bucket_of(key.certificate_pk) in buckets)
    suspects = set(shown) - {hit.key for hit in hits}
    for hit in hits:
        document = expected.get(hit.key)
        if drift.looks_wrong(document, hit.found, target) or is_altered(hit):
            suspects.add(hit.key)
    return suspects


def is_altered(hit: Hit) -> bool:
    """Say whether a document that was read whole contradicts itself."""
    return hit.source is not None and (contradicts_itself(hit.found) or digest_of(hit.source) != hit.found.sha256)


def contradicts_itself(found: Found) -> bool:
    return found.part != part_of(found.sha256 or "", found.row_version or 0)


def altered(hits: Iterable[Hit]) -> set[Key]:
    return {hit.key for hit in hits if is_altered(hit)}


def repair_all(
    company_id: str, suspects: Sequence[Key], strays: Sequence[Hit], contradicting: set[Key], target: Target, tools: Tools
) -> Report:
    """Steps 4 and 5."""
    report = Report()
    if strays:
        tools.index.remove(target, strays)
        report.kinds[Kind.MISROUTED] += len(strays)
        report.repaired += len(strays)
    if not suspects:
        return report
    pks = [key.certificate_pk for key in suspects]
    waiting = tools.store.waiting(company_id, pks)
    expected = expectation(company_id, pks, tools)
    found = tools.index.look(target, suspects)
    wanted: list[int] = []
    touched: list[int] = []
    phantoms: dict[Key, Found] = {}
    displaced = {hit.key for hit in strays}
    for key in suspects:
        document, present = expected.get(key), found.get(key)
        contradicts = key in contradicting or (present is not None and contradicts_itself(present))
        kind = None if key.certificate_pk in waiting else drift.judge(document, present, target, altered=contradicts)
        if kind is None:
            continue
        if key not in displaced:  # what lay elsewhere is counted once
            report.kinds[kind] += 1
            report.repaired += 1
        if document is None:
            assert present is not None, "what is neither here nor there is no drift"
            phantoms[key] = present
        elif key in displaced or (present is not None and present.version == target.version_of(document.row_version)):
            touched.append(key.certificate_pk)  # only a higher version can be written over what is, or just was, there
        else:
            if present is not None and present.version > target.version_of(document.row_version):
                tools.store.raise_epoch(target.index_name, outcomes.epoch_after(present.version))
            wanted.append(key.certificate_pk)
        if len(touched) + len(wanted) + len(phantoms) <= MOST_NAMED:
            with about(company_id):
                log.warning("Document %s in %s is wrong (%s) and is written over", key.document_id, target.index_name, kind)
    with tools.store.transaction():
        tools.store.touch(company_id, touched)
        tools.store.enqueue(company_id, wanted)
    tools.index.bury(target, phantoms)
    return report


def end_round(target: Target, tools: Tools, report: Report) -> None:
    """Step 6: what belongs to no company is in no slice."""
    unknown = sorted(set(tools.index.companies(target)) - set(all_companies(tools)))
    for company_id in unknown:
        hits = tools.index.read(target, company_id, after=-1, through=LAST_PK, buckets=None, whole=False)
        living = [hit for hit in hits if not hit.found.deleted]
        tools.index.remove(target, hits)
        report.kinds[Kind.PHANTOM] += len(living)
        report.repaired += len(living)
    remove_strays(tools)
    tools.store.end_round(target.index_name)
    report.round_ended = True


def remove_strays(tools: Tools) -> None:
    """A bulk that arrives after its index was given up makes the server create that index again, with consumers' data that no job deletes.

    Under the lock, because an index that a reindex just created becomes known with the end of its transaction.
    """
    with tools.store.transaction():
        tools.store.lock_targets()
        for name in tools.index.strays(target.index_name for target in tools.store.targets()):
            log.warning("No job knows the index %s; it is removed", name)
            tools.index.delete(name)


def all_companies(tools: Tools) -> list[str]:
    found: list[str] = []
    while page := tools.store.companies(after=found[-1] if found else "", most=1_000):
        found += page
    return found


def purge(target: Target, tools: Tools) -> int:
    """Remove tombstones that served their time. What waits in the outbox keeps its own, so no lease can be older than what is removed."""
    older_than_ms = tools.store.now_ms() - int(tools.settings.tombstone_seconds * 1000)

    def waiting(keys: Sequence[Key]) -> set[Key]:
        companies = {key.company_id for key in keys}
        return {
            Key(company_id, pk)
            for company_id in companies
            for pk in tools.store.waiting(company_id, [key.certificate_pk for key in keys if key.company_id == company_id])
        }

    return tools.index.purge(target, older_than_ms=older_than_ms, keep=waiting)
