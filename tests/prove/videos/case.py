"""One case: three retained sessions, and what has to be true of their videos in the end."""

import gzip
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic, sleep
from typing import Any, Final

from tests.integration.mp4_conversion.given import change_text, click, full_snapshot, meta, node, text, written
from tests.integration.retention_enforcement.world import PROPERTY, now
from tests.prove.harness.verdict import Verdict
from tests.prove.videos.processes import programs_of
from tests.prove.videos.world import World

RECORDING: Final = written(
    [
        meta(),
        full_snapshot(node(5, "h1", text(6, "Hello")), node(7, "p", text(8, "not yet"))),
        change_text(400, 8, "yes"),
        click(700, 7),
        change_text(1_000, 8, "end"),
    ]
)
"""Eleven frames, of which four need the browser: a conversion takes about a second."""
SHA256: Final = hashlib.sha256(RECORDING).hexdigest()
KINDS: Final = ("poster", "sidecar", "video")
CLEARED_SECONDS: Final = 20.0
STATE: Final = """
SELECT v.session_id, v.status, v.error_class, v.lease_token::text AS lease, v.lost_leases, v.source_sha256, v.output_sha256,
  v.frames, v.duration_ms, s.rrweb_to_video_status AS told, s.closed_at IS NOT NULL AS closed,
  s.recording_sha256, s.retention_status = 'retained' AS retained,
  ARRAY(SELECT l.action FROM econsent.audit_log AS l WHERE l.company_id = v.company_id AND l.details ->> 'session_id' = v.session_id
    ORDER BY 1) AS audit,
  (SELECT count(*) FROM econsent.sealed_files AS f WHERE f.company_id = v.company_id AND f.session_id = v.session_id) AS sealed
FROM econsent.video_conversions AS v
JOIN econsent.sessions AS s ON s.company_id = v.company_id AND s.session_id = v.session_id
WHERE v.company_id = ANY(%(companies)s) AND v.session_id = ANY(%(sessions)s) ORDER BY v.session_id
"""
OBJECTS: Final = """
SELECT o.session_id, o.kind, o.object_key, o.version_id, o.sha256, o.retain_until FROM econsent.storage_objects AS o
WHERE o.company_id = ANY(%(companies)s) AND o.session_id = ANY(%(sessions)s) AND o.kind <> 'recording' ORDER BY o.object_key
"""
SEALED: Final = """
SELECT f.object_key, f.sha256, f.retain_until FROM econsent.sealed_files AS f
WHERE f.company_id = ANY(%(companies)s) AND f.session_id = ANY(%(sessions)s)
"""
OPEN: Final = """
SELECT count(*) AS n FROM econsent.video_conversions
WHERE company_id = ANY(%(companies)s) AND session_id = ANY(%(sessions)s) AND status IN ('pending', 'processing')
"""
CONVERSIONS: Final = "SELECT conversion_id FROM econsent.video_conversions WHERE session_id = ANY(%(sessions)s)"
Sealing = Mapping[str, tuple[str, datetime]]
"""What stood sealed at some moment, by key: hash and lock date. It must be what is stored in the end, whatever changed in between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """``kept`` and ``silent`` must end with their videos, ``altered`` without one, as an incident."""

    number: int
    companies: tuple[str, str]
    began_at: datetime = field(default_factory=now)

    def session(self, name: str) -> str:
        return f"film-{self.number:06d}-{name}"

    @property
    def names(self) -> dict[str, Any]:
        return {"companies": list(self.companies), "sessions": [self.session(name) for name in ("kept", "silent", "altered")]}

    def sealing(self, world: World) -> Sealing:
        return {row["object_key"]: (row["sha256"], row["retain_until"]) for row in world.rows(SEALED, **self.names)}

    def conversions(self, world: World) -> list[str]:
        """The names of the case's folders between workplace and archive."""
        return [str(row["conversion_id"]) for row in world.rows(CONVERSIONS, **self.names)]

    def open_items(self, world: World) -> int:
        return world.one(OPEN, **self.names)["n"]


def make_case(world: World, *, number: int) -> Case:
    """Insert the case. ``kept``: a certificate's, whose recording lies in the archive alone; ``silent``: still open, and without a chunk
    for an hour; ``altered``: a file that is not what the platform closed.

    Companies have had no turn yet, so that they are served in the same order in every case.
    """
    first, second = world.companies()
    case = Case(number=number, companies=(first, second))
    world.database.execute("DELETE FROM econsent.video_turns")
    retained = {"retention_status": "retained", "retained_at": now(), "rrweb_to_video_status": "pending"}
    an_hour_ago, kept = now() - timedelta(hours=1), case.session("kept")
    world.platform.session(kept, company_id=first, file=RECORDING)
    world.platform.certificate(kept, company_id=first, finalized_at=now() - timedelta(minutes=1))
    archive_recording(world, company_id=first, session_id=kept)
    world.platform.update("sessions", company_id=first, session_id=kept, set_=retained)
    still_open = {"started_at": an_hour_ago, "closed_at": None, "recording_bytes": None, "recording_sha256": None}
    world.platform.session(case.session("silent"), company_id=second, file=RECORDING, **still_open, **retained)
    world.platform.session(case.session("altered"), company_id=first, file=RECORDING, recording_sha256="0" * 64, **retained)
    return case


def archive_recording(world: World, *, company_id: str, session_id: str) -> None:
    """The recording was locked in the archive and dropped from the shared file system."""
    platform, packed = world.platform, gzip.compress(RECORDING, mtime=0)
    key = f"{company_id}/{PROPERTY}/{session_id}/recordings/{SHA256}.json.gz"
    platform.object(company_id=company_id, session_id=session_id, kind="recording", object_key=key, body=packed)
    platform.file_of(session_id, company_id=company_id).unlink()


def examine(world: World, case: Case, sealings: Sequence[Sealing], *, thorough: bool) -> Verdict:
    """Compare the end with that of a run without faults: each video once, and nothing left of its making.

    ``thorough`` lets the verifier look too; otherwise the caller runs it over all cases together.
    """
    verdict = Verdict()
    rows = {row["session_id"]: row for row in world.rows(STATE, **case.names)}
    stored = world.rows(OBJECTS, **case.names)
    for name in ("kept", "silent"):
        add_video(verdict, world, rows[case.session(name)], [each for each in stored if each["session_id"] == case.session(name)])
    add_altered(verdict, rows[case.session("altered")], [each for each in stored if each["session_id"] == case.session("altered")])
    add_versions(verdict, stored, versions(world, case))
    for sealing in sealings:
        end = {row["object_key"]: (row["sha256"], row["retain_until"]) for row in stored}
        changed = [key for key, sealed in sealing.items() if end.get(key) != sealed]
        verdict.wrong += len(changed)
        verdict.sentences += [f"{key} was sealed as {sealing[key]} and stored as {end.get(key)}" for key in changed]
    verdict += left_over(world, case, disturbed=bool(sealings))
    return verdict + verified(world, since=case.began_at) if thorough else verdict


def add_video(verdict: Verdict, world: World, row: Mapping[str, Any], stored: Sequence[Mapping[str, Any]]) -> None:
    name = f"session {row['session_id']}"
    found = (row["status"], row["told"], row["lease"], row["lost_leases"], row["error_class"], row["sealed"], row["closed"])
    if found != ("completed", "completed", None, 0, None, 0, True):
        verdict.lost += 1
        verdict.sentences.append(f"{name} ended as {found}")
        return
    kinds = [each["kind"] for each in sorted(stored, key=lambda each: each["kind"])]
    for what, expected, seen in (("files", list(KINDS), kinds), ("audit entries", ["video.converted"], row["audit"])):
        if seen != expected:
            further = Counter(seen) - Counter(expected)
            verdict.duplicated += further.total()
            verdict.lost += not further
            verdict.sentences.append(f"{name} has the {what} {seen} instead of {expected}")
    video = [each["sha256"] for each in stored if each["kind"] == "video"]
    told = (row["frames"], row["duration_ms"], row["recording_sha256"])
    if told != (11, 1_100, SHA256) or video != [row["output_sha256"]] or not is_known(world, row):
        verdict.wrong += 1
        verdict.sentences.append(f"{name} says of its video {told} and {row['output_sha256']}; stored is {video}")


def is_known(world: World, row: Mapping[str, Any]) -> bool:
    """Whether a video has the same bytes as in every case before. A certificate's id is in the picture, so only the other can have."""
    name = row["session_id"].rpartition("-")[2]
    return name == "kept" or world.videos.setdefault(name, row["output_sha256"]) == row["output_sha256"]


def add_altered(verdict: Verdict, row: Mapping[str, Any], stored: Sequence[Mapping[str, Any]]) -> None:
    expected = ("failed", "failed", None, "integrity", ["video.integrity_failed"], 0, 0)
    found = (row["status"], row["told"], row["lease"], row["error_class"], row["audit"], row["sealed"], len(stored))
    if found != expected:
        verdict.wrong += 1
        verdict.sentences.append(f"session {row['session_id']}, whose file was altered, ended as {found} instead of {expected}")


def versions(world: World, case: Case) -> list[tuple[str, str]]:
    """Key and version of every video's file of the case, markers too."""
    platform, found = world.platform, list[tuple[str, str]]()
    prefixes = [
        f"{row['company_id']}/{PROPERTY}/{row['started_at']:%Y/%m/%d}/{row['session_id']}/"
        for row in world.rows(
            "SELECT company_id, session_id, started_at AT TIME ZONE 'UTC' AS started_at FROM econsent.sessions"
            " WHERE company_id = ANY(%(companies)s) AND session_id = ANY(%(sessions)s)",
            **case.names,
        )
    ]
    for prefix in prefixes:
        listed = platform.client.list_object_versions(Bucket=platform.bucket, Prefix=prefix)
        assert not listed["IsTruncated"]
        found += [(line["Key"], line["VersionId"]) for line in listed.get("Versions", []) + listed.get("DeleteMarkers", [])]
    return found


def add_versions(verdict: Verdict, stored: Sequence[Mapping[str, Any]], found: Sequence[tuple[str, str]]) -> None:
    """Each row has its version, each version its row, and each key one version."""
    twice = [key for key, count in Counter(key for key, _ in found).items() if count > 1]
    recorded = {(row["object_key"], row["version_id"]) for row in stored}
    missing, orphans = recorded - set(found), set(found) - recorded
    verdict.duplicated += len(twice)
    verdict.lost += len(missing)
    verdict.wrong += len(orphans)
    verdict.sentences += [f"{key} has several versions" for key in twice]
    verdict.sentences += [f"{key} is recorded and not in the archive" for key, _ in sorted(missing)]
    verdict.sentences += [f"{key} is in the archive and not recorded" for key, _ in sorted(orphans)]


def left_over(world: World, case: Case, *, disturbed: bool) -> Verdict:
    """No program and no folder outlives its conversion. What clears up after a killed worker has a little time for it.

    A worker that ends between its last commit and its last line leaves what it staged: retention's nights remove that, so it only
    counts where nothing was ``disturbed``.
    """
    deadline, left = monotonic() + CLEARED_SECONDS, remains(world)
    while left and monotonic() < deadline:
        sleep(0.01)  # it lies in other processes
        left = remains(world)
    world.remains |= left
    world.nursery.workers.clear()  # they have ended, and their numbers may be given to others
    sentences = [f"{each} is left" for each in sorted(left)]
    if not disturbed:
        sentences += [f"{path} is still staged" for path in world.staged(set(case.conversions(world)))]
    return Verdict(wrong=len(sentences), sentences=sentences)


def remains(world: World) -> set[str]:
    """What of programs and folders is there and was not told of before."""
    running = {f"the {each.kind} {each.pid} of worker {each.worker}" for each in programs_of(world.nursery.workers, work=world.work)}
    folders = {str(folder) for folder in world.work.iterdir()} if world.work.is_dir() else set[str]()
    return (running | folders) - world.remains


def verified(world: World, *, since: datetime | None = None) -> Verdict:
    """What the verifier finds, with its own code, in what came since, or in all."""
    found = world.verify(since=since)
    return Verdict(wrong=len(found), sentences=[str(finding) for finding in found[:5]])
