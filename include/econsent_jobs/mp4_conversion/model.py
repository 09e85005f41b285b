"""What MP4 conversion reasons about. Times are aware UTC, or milliseconds of the recorder's clock; hashes are lower-case hex SHA-256."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

from econsent_jobs.core.errors import ErrorClass

FPS: Final = 10
STEP_MS: Final = 1000 // FPS


class Key(NamedTuple):
    """Names one conversion: a session has at most one."""

    company_id: str
    session_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One leased conversion. ``attempts``: transient failures so far; ``lost_leases``: workers that ended with it in hand."""

    conversion_id: int
    key: Key
    attempts: int
    lost_leases: int
    token: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    certificate_id: str
    consent_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedRecording:
    """Where the recording lies in the archive, gzipped, once it was dropped from the shared file system."""

    object_key: str
    version_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A retained session, as one consistent read saw it at ``read_at``. ``retain_until`` is the latest lock date of its certificates."""

    key: Key
    property_id: str
    retention_status: str
    started_at: datetime
    last_chunk_at: datetime | None
    closed_at: datetime | None
    page_url: str | None
    recording_path: str | None
    recording_sha256: str | None
    certificates: Sequence[Certificate]
    unfinished_certificates: int
    retain_until: datetime
    archived: ArchivedRecording | None
    read_at: datetime


class Kind(StrEnum):
    """What an event does to the picture."""

    PAGE = "page"  # changes what the page shows
    MOVE = "move"  # moves the pointer, and the page only where it comes over another node
    CLICK = "click"
    TOUCH = "touch"  # a finger comes down
    SWIPE = "swipe"  # and moves
    LIFT = "lift"  # and goes up
    NOTHING = "nothing"


class Entry(NamedTuple):
    """One replayable event in its place: when, what it does, where the pointer is, which spooled text it is, and which of the recording's
    events it comes from (0 and up).
    """

    at_ms: float
    kind: Kind
    x: float
    y: float
    node: int
    line: int
    event: int


class Page(NamedTuple):
    """What a Meta event says: from then on the page has this address and size."""

    at_ms: float
    href: str
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A recording after every event was checked: entries in the order in which they are applied, texts in the spool.

    ``dropped``: how many events were left out, by reason. ``promoted``: which full snapshot was moved to the start, None for none.
    """

    sha256: str
    size_bytes: int
    events: int
    entries: Sequence[Entry]
    pages: Sequence[Page]
    width: int
    height: int
    consent_clicks_ms: Sequence[float]
    dropped: Mapping[str, int]
    clamped: int
    promoted: int | None

    @property
    def started_ms(self) -> float:
        return self.entries[0].at_ms

    @property
    def duration_ms(self) -> float:
        return self.entries[-1].at_ms - self.entries[0].at_ms


class Pointer(NamedTuple):
    """Where the pointer is from one frame on, and whether it is shown as an arrow, as the ring of a click or a finger, as both or not."""

    frame: int
    x: int
    y: int
    arrow: bool
    ring: bool


class Capture(NamedTuple):
    """One picture that has to be taken: apply entries up to (not including) ``applied``, then take ``frame``."""

    frame: int
    applied: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    frame: int
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is done for one video: ``frames`` on the grid, of which ``captures`` come from the browser.

    ``fed`` are the frames that the encoder gets, in order: captures, pointer moves, ticks of the clock, and the last one.
    """

    frames: int
    captures: Sequence[Capture]
    fed: Sequence[int]
    pointers: Sequence[Pointer]
    chapters: Sequence[Chapter]
    poster_frame: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Footer:
    """The strip below the page: its text by the frame from which on it is shown, and its size in pixels."""

    texts: Sequence[tuple[int, Sequence[str]]]
    height: int
    clock_x: int
    clock_y: int
    text_y: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Canvas:
    """Pixels: the page's part, and the whole video's; all even."""

    width: int
    page_height: int
    height: int


class FileKind(StrEnum):
    VIDEO = "video"
    POSTER = "poster"
    SIDECAR = "sidecar"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedFile:
    """Exact bytes on disk under their exact key: what a retry sends again, whatever has changed in between."""

    kind: FileKind
    object_key: str
    staging_path: Path
    size_bytes: int
    sha256: str
    content_type: str
    retain_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """The files of one conversion, still in its working folder, and what its row says about them."""

    video: Path
    poster: Path
    sidecar: Path
    facts: "Facts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the conversion's row records."""

    source_sha256: str
    source_events: int
    promoted_snapshot_index: int | None
    width: int
    height: int
    fps: int
    duration_ms: int
    frames: int
    dropped_events: int
    blocked_requests: int
    output_bytes: int
    output_sha256: str
    render_ms: int
    encode_ms: int
    tool_versions: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why a conversion did not come to its end. ``final``: it never will without a person."""

    error_class: ErrorClass
    reason: str
    final: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    due: int
    oldest_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Past one of these a conversion fails, with its name. ``seconds`` is of the clock on the wall, for rendering and encoding together."""

    recording_bytes: int = 1024**3
    events: int = 2_000_000
    captures: int = 200_000
    pixels: int = 16_000_000
    duration_ms: int = 24 * 3_600_000
    seconds: float = 900.0
    answer_seconds: float = 60.0
    memory_bytes: int = 1536 * 1024**2
    output_bytes: int = 2 * 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """Where the programs and the replayer are. ``variables``: by which the browser finds its libraries and fonts."""

    chromium: Path
    replayer: Path
    ffmpeg: Path
    ffprobe: Path
    variables: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """``work_folder``: for what a conversion needs while it runs. ``linger_seconds``: a lane without work stays so long.

    ``most_browsers``: for one video, where nothing else is converted on this machine.
    """

    programs: Programs
    work_folder: Path
    lease_seconds: float = 900.0
    heartbeat_seconds: float = 30.0
    most_in_flight: int = 5
    linger_seconds: float = 20.0
    most_browsers: int = 2
    bounds: Bounds = field(default_factory=Bounds)
