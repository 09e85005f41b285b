"""One case: a few certificates and their documents, what changed and what was tampered with, and what has to be true in the end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from econsent_jobs.elasticsearch_sync.rules.drift import WHOLE_EVERY, bucket_of, read_whole
from tests.prove.harness.verdict import Verdict
from tests.prove.search.platform import Platform
from tests.prove.search.tampering import FORGET_CHANGE, plant
from tests.prove.search.world import World

HOME, AWAY = "case-a", "case-b"
TAMPERED: Final = ("content", "stale", "phantom", "misrouted", "unsaid")
"""What is wrong in each case's index without anybody having said so: ``unsaid`` is a certificate whose change left the outbox unsent."""
CHANGES: Final = ("name", "revoke", "expire", "remove")
DUE: Final = "SELECT count(*) AS n FROM econsent.search_outbox WHERE state = 'due' AND doc_key = ANY(%(pks)s)"
LEFT: Final = "SELECT company_id, doc_key, state, error_class, last_error FROM econsent.search_outbox WHERE doc_key = ANY(%(pks)s)"
ROUND: Final = "UPDATE econsent.search_targets SET checked_through = NULL, check_round = %s"

Snapshot = Mapping[str, tuple[int, bool, bool]]
"""What the index showed at some moment: by id, the version, whether it was revoked, and whether it was a tombstone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """``homes`` and ``guests`` are its certificates in two companies. ``changed``: documents that one run without faults writes."""

    number: int
    homes: tuple[int, ...]
    guests: tuple[int, ...]
    changed: int

    @property
    def names(self) -> dict[str, Any]:
        return {"pks": [str(pk) for pk in (*self.homes, *self.guests)]}

    @property
    def keys(self) -> list[tuple[str, int]]:
        return [*((HOME, pk) for pk in self.homes), *((AWAY, pk) for pk in self.guests)]

    def snapshot(self, world: World) -> Snapshot:
        found = [(f"{company}:{pk}", world.platform.stored(pk, company_id=company)) for company, pk in self.keys]
        return {
            name: (stored["_version"], bool(stored.get("opt_out", {}).get("revoke")), bool(stored["deleted"]))
            for name, stored in found
            if stored is not None
        }

    def open_items(self, world: World) -> int:
        """What waits, and what differs: a repair that is still to come waits nowhere."""
        return world.one(DUE, **self.names)["n"] + world.verify(world.direct.alias).found


def make_case(world: World, *, number: int) -> Case:
    """Bring certificates into the index, then change, add and remove some, and tamper with others. What earlier cases left is gone."""
    world.clear()
    platform, kinds = world.platform, [kind for kind in TAMPERED if kind != "unsaid"]
    before = platform.certificates(len(CHANGES) + len(kinds) + 1, company_id=HOME, session_id="s-0", source="session")
    guests = platform.certificates(2, company_id=AWAY)
    ended = world.nursery.run(world.direct.told())
    assert ended.report is not None, ended
    assert "raised" not in ended.report, ended
    for change, pk in zip(CHANGES, before, strict=False):
        make_change(platform, change, pk)
    for kind, pk in zip(kinds, before[len(CHANGES) :], strict=False):
        plant(platform, kind, pk, company_id=HOME)
    (unsaid,) = platform.certificates(1, company_id=HOME)
    platform.database.execute(FORGET_CHANGE, [HOME, str(unsaid)])
    added = platform.certificates(2, company_id=HOME)
    platform.revoke(guests[0], company_id=AWAY)
    homes = (*before, unsaid, *added)
    world.database.execute(ROUND, [round_without_whole_reads((*homes, *guests))])
    changed = len(CHANGES) + len(added) + 1 + len(kinds) + 1
    return Case(number=number, homes=homes, guests=tuple(guests), changed=changed)


def round_without_whole_reads(certificate_pks: Sequence[int]) -> int:
    """Return a round in which no range of these keys is read whole, so that every case makes the same calls, whatever its keys are."""
    buckets = {bucket_of(pk) for pk in certificate_pks}
    return next(number for number in range(WHOLE_EVERY) if not read_whole(buckets, number))


def make_change(platform: Platform, what: str, pk: int) -> None:
    match what:
        case "name":
            platform.change(pk, company_id=HOME, consumer_name="Somebody else")
        case "revoke":
            platform.revoke(pk, company_id=HOME)
        case "expire":
            platform.change(pk, company_id=HOME, status="expired")
        case _:
            query = "DELETE FROM econsent.certificates WHERE company_id = %s AND certificate_pk = %s"
            platform.database.execute(query, [HOME, pk])


def examine(world: World, case: Case, snapshots: Sequence[Snapshot]) -> Verdict:
    """Compare the end with that of a run without faults: nothing waits, nothing went back, and the index equals a fresh projection.

    Only the verifier can tell that, so it looks in every case, ``thorough`` or not.
    """
    verdict = verified(world)
    for row in world.rows(LEFT, **case.names):
        verdict.lost += 1
        verdict.sentences.append(f"{row['company_id']}:{row['doc_key']} is left in the outbox as {row['state']} ({row['last_error']})")
    end = case.snapshot(world)
    for snapshot in snapshots:
        for name, (version, revoked, _) in snapshot.items():
            later = end.get(name)
            if later is None or later[0] < version or (revoked and not later[1] and not later[2]):
                verdict.wrong += 1
                verdict.sentences.append(f"{name} went back from version {version} (revoked: {revoked}) to {later}")
    world.over += case.keys
    return verdict


def verified(world: World) -> Verdict:
    """What the verifier finds, with its own code: of a certificate twice, of one that is missing, and the rest."""
    report = world.verify(world.direct.alias)
    missing = sum("missing" in finding for finding in report.findings)
    further = sum("a further document" in finding for finding in report.findings)
    wrong = report.found - missing - further
    return Verdict(lost=missing, duplicated=further, wrong=wrong, sentences=report.findings[:5])
