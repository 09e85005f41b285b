"""What has to hold of one conversion: its row, its session, its three files, and what they say of each other."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final, cast
from urllib.parse import quote

from econsent_verify.certificate_processing_checks.objects import Reader, Stored
from econsent_verify.findings import short
from econsent_verify.mp4_conversion_checks.film import read_film

Row = Mapping[str, Any]

SUFFIXES: Final = {"video": "mp4", "poster": "jpg", "sidecar": "json"}
CONTENT_TYPES: Final = {"video": "video/mp4", "poster": "image/jpeg", "sidecar": "application/json"}
STEP_MS: Final = 100
FPS: Final = 10
REFUSALS: Final = frozenset({"data", "integrity"})  # what fails for another class keeps its finished files, for a retry to send
SESSION_STATUS: Final = {"completed": ("completed",), "failed": ("failed",), "pending": ("pending", "processing")}


class Trouble(StrEnum):
    STATE = "state"
    OBJECT = "object"
    LOCK = "lock"
    VERSIONS = "versions"
    VIDEO = "video"
    SIDECAR = "sidecar"
    AUDIT = "audit"
    LOST = "lost"
    STRAY = "stray"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One difference. ``what`` names the column, the file or the field."""

    company_id: str
    session_id: str
    trouble: Trouble
    what: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.trouble}: {self.company_id}/{self.session_id}: {self.what}: expected {self.expected}, found {self.found}"

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


class Findings:
    """Collects what is wrong with one conversion."""

    def __init__(self, row: Row) -> None:
        self._row = row
        self.found: list[Finding] = []

    def same(self, trouble: Trouble, what: str, expected: object, found: object) -> None:
        if expected != found:
            self.found.append(
                Finding(
                    company_id=self._row["company_id"],
                    session_id=self._row["session_id"],
                    trouble=trouble,
                    what=what,
                    expected=short(expected),
                    found=short(found),
                )
            )


def check(row: Row, reader: Reader) -> list[Finding]:
    """Compare one conversion with everything that has to agree with it."""
    findings = Findings(row)
    check_state(row, findings)
    if row["status"] == "completed":
        check_files(row, reader, findings)
    return findings.found


def check_state(row: Row, findings: Findings) -> None:
    status, leased = row["status"], row["lease_token"] is not None
    findings.same(Trouble.STATE, "lease", status == "processing", leased)
    findings.same(Trouble.STATE, "finished_at", status in {"completed", "failed"}, row["finished_at"] is not None)
    said = status == "failed" or (status != "completed" and row["attempts"] > 0)
    findings.same(Trouble.STATE, "whether there is an error_class", said, row["error_class"] is not None)
    allowed = SESSION_STATUS.get(status)
    if allowed is not None and row["rrweb_to_video_status"] not in allowed:
        findings.same(Trouble.STATE, "the session's rrweb_to_video_status", " or ".join(allowed), row["rrweb_to_video_status"])
    findings.same(Trouble.AUDIT, "entries video.converted", int(status == "completed"), row["converted_entries"])
    if status == "completed" or (status == "failed" and row["error_class"] in REFUSALS):
        findings.same(Trouble.STATE, "sealed files that are left", 0, row["sealed_files"])
    elif row["sealed_files"] not in {0, len(SUFFIXES)}:
        findings.same(Trouble.STATE, "sealed files", f"none or {len(SUFFIXES)}", row["sealed_files"])


def check_files(row: Row, reader: Reader, findings: Findings) -> None:
    objects = {each["kind"]: each for each in objects_of(row)}
    findings.same(Trouble.OBJECT, "files", sorted(SUFFIXES), sorted(objects))
    findings.same(Trouble.OBJECT, "number of files", len(SUFFIXES), len(objects_of(row)))
    bodies: dict[str, bytes] = {}
    for kind, each in objects.items():
        stored = check_object(row, kind, each, reader, findings)
        if stored is not None:
            bodies[kind] = stored.body
    findings.same(Trouble.STATE, "storage_object_id", objects.get("video", {}).get("storage_object_id"), row["storage_object_id"])
    if bodies.keys() == SUFFIXES.keys():
        check_video(row, bodies["video"], findings)
        check_sidecar(row, bodies, findings)
        findings.same(Trouble.OBJECT, "the poster's first bytes", "ffd8ff", bodies["poster"][:3].hex())


def objects_of(row: Row) -> Sequence[Row]:
    """Return the storage rows of a conversion, none where it stored nothing."""
    return cast("Sequence[Row]", row["objects"] or ())


def check_object(row: Row, kind: str, each: Row, reader: Reader, findings: Findings) -> Stored | None:
    findings.same(Trouble.OBJECT, f"{kind}: object_key", expected_key(row, kind), each["object_key"])
    findings.same(Trouble.OBJECT, f"{kind}: content_type", CONTENT_TYPES[kind], each["content_type"])
    findings.same(Trouble.OBJECT, f"{kind}: bucket", reader.bucket, each["bucket"])
    stored = reader.read(each["object_key"], each["version_id"])
    if stored is None:
        findings.same(Trouble.OBJECT, f"{kind} in the archive", f"version {each['version_id']}", "nothing")
        return None
    findings.same(Trouble.OBJECT, f"{kind}: sha256", each["sha256"], sha256(stored.body).hexdigest())
    findings.same(Trouble.OBJECT, f"{kind}: bytes", each["bytes"], len(stored.body))
    findings.same(Trouble.OBJECT, f"{kind}: content type in the archive", CONTENT_TYPES[kind], stored.content_type)
    findings.same(Trouble.LOCK, f"{kind}: lock mode", "COMPLIANCE", stored.lock_mode)
    findings.same(Trouble.LOCK, f"{kind}: retain_until", moment(each["retain_until"]), stored.retain_until)
    versions = [version for page in reader.pages(each["object_key"]) for version in page if version.key == each["object_key"]]
    findings.same(Trouble.VERSIONS, f"{kind}: versions", [each["version_id"]], [version.version_id for version in versions])
    return stored


def check_video(row: Row, body: bytes, findings: Findings) -> None:
    findings.same(Trouble.VIDEO, "output_sha256", row["output_sha256"], sha256(body).hexdigest())
    findings.same(Trouble.VIDEO, "output_bytes", row["output_bytes"], len(body))
    findings.same(Trouble.VIDEO, "fps", FPS, row["fps"])
    film = read_film(body)
    if film is None:
        findings.same(Trouble.VIDEO, "its bytes", "an MP4", "none")
        return
    findings.same(Trouble.VIDEO, "the index lies before the pictures", True, film.order.index("moov") < film.order.index("mdat"))
    findings.same(Trouble.VIDEO, "sizes", [(row["width"], row["height"])], film.sizes)
    findings.same(Trouble.VIDEO, "codec", ["avc1"], [codec for codec in film.codecs if codec != "text"])
    findings.same(Trouble.VIDEO, "length within one frame", True, abs(film.duration_ms - row["duration_ms"]) <= STEP_MS)
    findings.same(Trouble.VIDEO, "duration_ms", row["frames"] * STEP_MS, row["duration_ms"])


def check_sidecar(row: Row, bodies: Mapping[str, bytes], findings: Findings) -> None:
    try:
        document: dict[str, Any] = json.loads(bodies["sidecar"])
        said = {
            "companyId": document["companyId"],
            "sessionId": document["sessionId"],
            "certificateIds": document["certificateIds"],
            "recording.sha256": document["recording"]["sha256"],
            "recording.events": document["recording"]["events"],
            "recording.promotedSnapshot": document["recording"]["promotedSnapshot"],
            "video.sha256": document["video"]["sha256"],
            "video.bytes": document["video"]["bytes"],
            "video.frames": document["video"]["frames"],
            "video.size": (document["video"]["width"], document["video"]["height"], document["video"]["fps"]),
            "video.durationMs": document["video"]["durationMs"],
            "poster.sha256": document["poster"]["sha256"],
            "blockedRequests": sum(cast("dict[str, int]", document["blockedRequests"]).values()),
            "recording.dropped": sum(cast("dict[str, int]", document["recording"]["dropped"]).values()),
            "tools": document["tools"],
        }
        frames: Sequence[Sequence[int]] = document["frames"]
    except (ValueError, KeyError, TypeError) as error:
        findings.same(Trouble.SIDECAR, "its fields", "a sidecar", repr(error))
        return
    expected: dict[str, object] = {
        "companyId": row["company_id"],
        "sessionId": row["session_id"],
        "certificateIds": row["certificate_ids"] or [],
        "recording.sha256": row["source_sha256"],
        "recording.events": row["source_events"],
        "recording.promotedSnapshot": row["promoted_snapshot_index"],
        "video.sha256": sha256(bodies["video"]).hexdigest(),
        "video.bytes": len(bodies["video"]),
        "video.frames": row["frames"],
        "video.size": (row["width"], row["height"], row["fps"]),
        "video.durationMs": row["duration_ms"],
        "poster.sha256": sha256(bodies["poster"]).hexdigest(),
        "blockedRequests": row["blocked_requests"],
        "recording.dropped": row["dropped_events"],
        "tools": row["tool_versions"],
    }
    for name, value in expected.items():
        findings.same(Trouble.SIDECAR, name, value, said[name])
    findings.same(Trouble.SIDECAR, "source_sha256 and the session's recording", row["recording_sha256"], row["source_sha256"])
    findings.same(Trouble.SIDECAR, "frames in order and within the video", [], list(out_of_place(frames, row)))


def out_of_place(frames: Sequence[Sequence[int]], row: Row) -> Iterator[Sequence[int]]:
    before = -1
    for span in frames:
        frame, first, last = span
        if not (before < frame < row["frames"] and 0 <= first <= last < row["source_events"]):
            yield span
        before = frame


def expected_key(row: Row, kind: str) -> str:
    """Where a file has to lie: beside the session's certificates, named after the recording's hash."""
    return f"{folder_of(row)}/{row['source_sha256']}.{SUFFIXES[kind]}"


def folder_of(row: Row) -> str:
    """Where a session's files lie."""
    day = row["session_started_at"].strftime("%Y/%m/%d")
    ids = [quote(row[name], safe="._-").replace("~", "%7E") for name in ("company_id", "property_id", "session_id")]
    return f"{ids[0]}/{ids[1]}/{day}/{ids[2]}/replays"


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
