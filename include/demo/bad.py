"""Visits that went wrong, each in one named way. Certificate processing has to survive every one of them, and harm no other.

A NUL or half a surrogate pair is missing here because PostgreSQL's jsonb refuses both at the INSERT: no row can hold them.
"""

import json
import posixpath
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from demo.captures import Capture
from demo.recordings import encode
from demo.staging import StagedFile
from demo.visits import Visit, capture_text
from econsent_jobs.core.canonical_json import sha256_hex

LARGEST_EVENT_BYTES: Final = 10 * 1024 * 1024  # documented: docs/certificates/session-replay
OUTSIDE: Final = "demo-outside"  # a folder of the share that belongs to no company
STRANGE_TEXT: Final = "I agree\u0001 to \u202ellac\u202c and text \uffff\ufdd0\U0010ffff \u200b\u2028 me"
HUGE_NUMBER: Final = "1e5000"


class BadKind(Enum):
    """What is wrong with a visit, or strange about it, as a sentence."""

    RECORDING_MISSING = "The session names a recording that is not on the share."
    RECORDING_TRUNCATED = "The recording ends in the middle of an event, and its hash agrees with that."
    RECORDING_ALTERED = "The recording was changed after the session had been closed: its hash differs."
    RECORDING_SYMLINK = "The recording is a symlink that leads out of the company's folder."
    EVENT_TOO_LARGE = "One event of the recording is larger than the documented 10 MB."
    SESSION_ID_TRAVERSAL = "The session id climbs out of the company's folder, to a recording that does exist there."
    SESSION_ID_ABSOLUTE = "The session id is an absolute path, and nothing lies there."
    PAGE_MISSING = "The certificate names a page that is not on the share."
    WRONG_TYPES = "The capture holds a text where a list, an object or a number belongs."
    IMPOSSIBLE_COLOURS = "The capture names colours that no browser computes."
    UNKNOWN_CONSENT_TYPE = "The capture holds a consent type that eConsent does not know."
    STRANGE_TEXT = "The consent text holds control characters, noncharacters and marks that turn its direction."
    HUGE_NUMBER = "The capture holds a number of 5,001 digits, which jsonb keeps and a float does not."
    CONSENT_IN_FUTURE = "The consent is dated two days ahead."

    @property
    def slug(self) -> str:
        """The name as it stands in ids."""
        return self.name.lower().replace("_", "-")


DEMO_KINDS: Final = tuple(kind for kind in BadKind if kind is not BadKind.EVENT_TOO_LARGE)  # 10 MB are for tests, not for a demo


def spoil(visit: Visit, kind: BadKind) -> Visit:
    """Return the visit gone wrong in this one way; all else of it stays good. It needs a recording and a certificate."""
    return SPOILERS[kind](visit)


def recording_missing(visit: Visit) -> Visit:
    return replace(visit, recording=None)


def recording_truncated(visit: Visit) -> Visit:
    contents = recorded(visit)
    return with_recording(visit, contents[: len(contents) * 2 // 3])


def recording_altered(visit: Visit) -> Visit:
    altered = recorded(visit).replace(b'"timestamp":1', b'"timestamp":2', 1)
    return replace(visit, recording=replace(the_recording(visit), contents=altered))


def recording_symlink(visit: Visit) -> Visit:
    """The file outside is good, so that only the way to it is wrong."""
    file = the_recording(visit)
    outside = StagedFile(path=visit.efs_base / OUTSIDE / file.path.name, contents=file.contents)
    return replace(visit, recording=StagedFile(path=file.path, link_to=outside.path), pages=(*visit.pages, outside))


def event_too_large(visit: Visit) -> Visit:
    events: list[dict[str, Any]] = json.loads(recorded(visit))
    padding = {
        "type": 5,
        "data": {"tag": "padding", "payload": "x" * (LARGEST_EVENT_BYTES * 11 // 10)},
        "timestamp": events[-1]["timestamp"],
    }
    spoilt = with_recording(visit, b"".join(encode([*events[:-1], padding, events[-1]])))
    return replace(spoilt, session=replace(spoilt.session, recording_events=len(events) + 1))


def session_id_traversal(visit: Visit) -> Visit:
    return with_session_id(visit, f"../../{OUTSIDE}/{visit.session.session_id}")


def session_id_absolute(visit: Visit) -> Visit:
    return replace(with_session_id(visit, f"/{OUTSIDE}/{visit.session.session_id}"), recording=None)


def page_missing(visit: Visit) -> Visit:
    return replace(visit, pages=visit.pages[1:])


def wrong_types(visit: Visit) -> Visit:
    def edit(capture: Capture) -> None:
        capture["consents"] = "TEXT"
        capture["disclosure"]["rect"]["top"] = "420px"
        capture["viewport"] = "1280x720"

    return with_capture(visit, edit)


def impossible_colours(visit: Visit) -> Visit:
    def edit(capture: Capture) -> None:
        capture["disclosure"]["style"] |= {"color": "rgb(999, -1, blue)", "backgroundColor": "#GGGGGG"}

    return with_capture(visit, edit)


def unknown_consent_type(visit: Visit) -> Visit:
    def edit(capture: Capture) -> None:
        capture["consents"][0]["type"] = "FAX"

    return with_capture(visit, edit)


def strange_text(visit: Visit) -> Visit:
    def edit(capture: Capture) -> None:
        capture["disclosure"]["text"] = STRANGE_TEXT
        for record in capture["consents"]:
            record["value"] = STRANGE_TEXT

    return with_capture(visit, edit)


def huge_number(visit: Visit) -> Visit:
    """No Python number can be written like that, so the text is changed."""

    def edit(capture: Capture) -> None:
        capture["disclosure"]["rect"]["width"] = HUGE_NUMBER

    certificate, *others = with_capture(visit, edit).certificates
    huge = replace(certificate, capture=certificate.capture.replace(f'"{HUGE_NUMBER}"', HUGE_NUMBER))
    return replace(visit, certificates=(huge, *others))


def consent_in_future(visit: Visit) -> Visit:
    certificate, *others = visit.certificates
    return replace(visit, certificates=(replace(certificate, consent_at=certificate.consent_at + timedelta(days=2)), *others))


SPOILERS: Final[Mapping[BadKind, Callable[[Visit], Visit]]] = MappingProxyType(
    {
        BadKind.RECORDING_MISSING: recording_missing,
        BadKind.RECORDING_TRUNCATED: recording_truncated,
        BadKind.RECORDING_ALTERED: recording_altered,
        BadKind.RECORDING_SYMLINK: recording_symlink,
        BadKind.EVENT_TOO_LARGE: event_too_large,
        BadKind.SESSION_ID_TRAVERSAL: session_id_traversal,
        BadKind.SESSION_ID_ABSOLUTE: session_id_absolute,
        BadKind.PAGE_MISSING: page_missing,
        BadKind.WRONG_TYPES: wrong_types,
        BadKind.IMPOSSIBLE_COLOURS: impossible_colours,
        BadKind.UNKNOWN_CONSENT_TYPE: unknown_consent_type,
        BadKind.STRANGE_TEXT: strange_text,
        BadKind.HUGE_NUMBER: huge_number,
        BadKind.CONSENT_IN_FUTURE: consent_in_future,
    }
)


def the_recording(visit: Visit) -> StagedFile:
    assert visit.recording is not None, f"{visit.session.session_id} has no recording to spoil"
    return visit.recording


def recorded(visit: Visit) -> bytes:
    return the_recording(visit).contents


def with_recording(visit: Visit, contents: bytes) -> Visit:
    """Put other bytes into the recording, with the size and hash that belong to them (no hash while the session is open)."""
    sha256 = None if visit.session.closed_at is None else sha256_hex(contents)
    session = replace(visit.session, recording_bytes=len(contents), recording_sha256=sha256)
    return replace(visit, session=session, recording=replace(the_recording(visit), contents=contents))


def with_session_id(visit: Visit, session_id: str) -> Visit:
    """Rename the session, and form its path as careless code would: by joining. The recording lies where that path leads."""
    folder = visit.efs_base / visit.session.company_id / visit.session.property_id
    path = posixpath.join(folder, f"{session_id}.json")
    session = replace(visit.session, session_id=session_id, recording_path=path)
    certificates = tuple(replace(certificate, session_id=session_id) for certificate in visit.certificates)
    moved = replace(the_recording(visit), path=Path(posixpath.normpath(path)))
    return replace(visit, session=session, certificates=certificates, recording=moved)


def with_capture(visit: Visit, edit: Callable[[Capture], None]) -> Visit:
    """Change the capture of the first certificate."""
    certificate, *others = visit.certificates
    capture: Capture = json.loads(certificate.capture)
    edit(capture)
    return replace(visit, certificates=(replace(certificate, capture=capture_text(capture)), *others))
