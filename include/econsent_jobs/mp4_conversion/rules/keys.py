"""Where a session's files lie: on the shared file system, and beside the certificate in the archive."""

from typing import Final

from econsent_jobs.core.canonical_json import timestamp_text
from econsent_jobs.core.identifiers import path_segment
from econsent_jobs.mp4_conversion.model import FileKind, Session

SUFFIXES: Final = {FileKind.VIDEO: "mp4", FileKind.POSTER: "jpg", FileKind.SIDECAR: "json"}
CONTENT_TYPES: Final = {FileKind.VIDEO: "video/mp4", FileKind.POSTER: "image/jpeg", FileKind.SIDECAR: "application/json"}


def object_key(session: Session, kind: FileKind, *, source_sha256: str) -> str:
    """``{company}/{property}/{yyyy}/{mm}/{dd}/{session}/replays/{source_sha256}.{mp4,jpg,json}``; the day is the session's first (UTC)."""
    return "/".join(
        [
            path_segment(session.key.company_id),
            path_segment(session.property_id),
            *timestamp_text(session.started_at)[:10].split("-"),
            path_segment(session.key.session_id),
            "replays",
            f"{source_sha256}.{SUFFIXES[kind]}",
        ]
    )


def recording_segments(session: Session) -> tuple[str, str, str]:
    """``{companyId}/{propertyId}/{sessionId}.json`` below the EFS base, documented: docs/certificates/session-replay."""
    return (
        path_segment(session.key.company_id),
        path_segment(session.property_id),
        path_segment(session.key.session_id) + ".json",
    )
