"""Reading recordings and pages from a real file system, with everything that can lie there."""

import hashlib
import json
import multiprocessing
import os
from pathlib import Path
from typing import Any

import pytest

from econsent_jobs.certificate_processing.model import Pending, Recording
from econsent_jobs.certificate_processing.recordings import LARGEST_PAGE, EfsRecordings
from econsent_jobs.core.errors import BadItem, ErrorClass, PermanentError
from econsent_jobs.io.efs import SharedFiles
from econsent_stack.process import peak_kb
from tests.unit.certificate_processing.examples import a_pending, a_session

EVENTS: list[dict[str, Any]] = [
    {"type": 4, "timestamp": 1_000, "data": {"href": "https://lead.example.com/", "width": 1280, "height": 720}},
    {"type": 3, "timestamp": 2_000, "data": {"source": 2, "type": 2, "id": 47}},
    {"type": 3, "timestamp": 3_000, "data": {"source": 5, "id": 47, "text": "Ann"}},
]


@pytest.fixture
def recordings(tmp_path: Path) -> EfsRecordings:
    return EfsRecordings(SharedFiles(tmp_path))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "comp-abc" / "prop-456"
    folder.mkdir(parents=True)
    return folder


def read(recordings: EfsRecordings, pending: Pending | None = None, *, until_ms: int | None = None) -> Recording:
    pending = pending or a_pending()
    assert pending.session is not None
    return recordings.read(pending, pending.session, until_ms=until_ms)


def test_hashes_the_bytes_and_keeps_the_chain(recordings: EfsRecordings, folder: Path) -> None:
    written = json.dumps(EVENTS, indent=2).encode()
    (folder / "sess-1.json").write_bytes(written)

    found = read(recordings, until_ms=2_500)

    assert (found.sha256, found.size_bytes, found.events) == (hashlib.sha256(written).hexdigest(), len(written), 3)
    assert [link.type for link in found.chain] == ["click"]


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        pytest.param(b"", "not valid JSON after event 0", id="empty"),
        pytest.param(b"[]", "holds no event", id="no event"),
        pytest.param(b"{}", "holds no event", id="no array"),
        pytest.param(json.dumps(EVENTS).encode()[:-20], "not valid JSON after event 2", id="cut off"),
        pytest.param(json.dumps(EVENTS).encode() + b"]", "not valid JSON after event 3", id="something behind the end"),
        pytest.param(b"[1, 2]", "event 1 of the recording is not an object", id="numbers for events"),
        pytest.param(b'[{"a": "\xff\xfe"}]', "not valid JSON", id="bytes that are no UTF-8"),
        pytest.param(b"\x1f\x8b\x08\x00" + b"\0" * 20, "not valid JSON", id="compressed"),
        pytest.param(b'[{"timestamp": 1e999999, "type": 3, "data": {}}]', "not valid JSON after event 0", id="an endless time"),
    ],
)
def test_corrupt_recordings(recordings: EfsRecordings, folder: Path, written: bytes, sentence: str) -> None:
    (folder / "sess-1.json").write_bytes(written)
    with pytest.raises(BadItem, match=sentence) as refusal:
        read(recordings)
    assert refusal.value.error_class is ErrorClass.DATA


@pytest.mark.parametrize(
    ("megabytes", "refused"),
    [pytest.param(9.9, False, id="within the documented 10 MB"), pytest.param(10.2, True, id="past it")],
)
def test_an_event_may_have_10_mb(recordings: EfsRecordings, folder: Path, megabytes: float, refused: bool) -> None:
    events = [*EVENTS, {"type": 5, "timestamp": 4_000, "data": "x" * int(megabytes * 1024 * 1024)}, *EVENTS]
    (folder / "sess-1.json").write_text(json.dumps(events))
    if not refused:
        assert read(recordings).events == 7
        return
    with pytest.raises(BadItem, match="has more than 10485760 bytes"):
        read(recordings)


def test_a_50_mb_recording_adds_little_memory(recordings: EfsRecordings, folder: Path) -> None:
    """The limit is 100 MB; read in a process of its own, whose peak is then known."""
    event = json.dumps({"type": 3, "timestamp": 2_000, "data": {"source": 0, "adds": ["x" * 50_000]}})
    (folder / "sess-1.json").write_text(f"[{','.join([event] * 1_050)}]")
    assert (folder / "sess-1.json").stat().st_size > 50 * 1024 * 1024
    fork = multiprocessing.get_context("fork")
    answers = fork.SimpleQueue()

    def measure() -> None:
        before = peak_kb() / 1024
        answers.put((read(recordings).events, peak_kb() / 1024 - before))

    reader = fork.Process(target=measure)
    reader.start()
    events, added_mb = answers.get()
    reader.join()

    assert events == 1_050
    assert added_mb <= 100


def test_a_missing_recording_is_that_certificates_trouble(recordings: EfsRecordings, folder: Path) -> None:
    with pytest.raises(BadItem, match=r"comp-abc/prop-456/sess-1\.json is missing") as refusal:
        read(recordings)
    assert refusal.value.error_class is ErrorClass.DATA


def test_a_missing_file_system_is_not(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="mount it"):
        EfsRecordings(SharedFiles(tmp_path / "unmounted")).check()


def test_never_follows_a_link(recordings: EfsRecordings, folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "outside.json"
    secret.write_text(json.dumps(EVENTS))
    (folder / "sess-1.json").symlink_to(secret)
    with pytest.raises(BadItem, match="is a link") as refusal:
        read(recordings)
    assert refusal.value.error_class is ErrorClass.INTEGRITY


def test_never_follows_a_linked_folder(recordings: EfsRecordings, tmp_path: Path) -> None:
    other = tmp_path / "comp-other" / "prop-456"
    other.mkdir(parents=True)
    (other / "sess-1.json").write_text(json.dumps(EVENTS))
    (tmp_path / "comp-abc").symlink_to(tmp_path / "comp-other")
    with pytest.raises(BadItem, match="lies behind one"):
        read(recordings)


def test_a_pipe_does_not_hang_the_worker(recordings: EfsRecordings, folder: Path) -> None:
    os.mkfifo(folder / "sess-1.json")
    with pytest.raises(BadItem, match="not a plain file"):
        read(recordings)


@pytest.mark.parametrize("session_id", ["../x", "/etc/passwd", "a/../../b"])
def test_hostile_ids_stay_in_the_companys_folder(recordings: EfsRecordings, folder: Path, session_id: str) -> None:
    with pytest.raises(BadItem, match=r"the recording comp-abc/prop-456/.*%2F.*\.json is missing"):
        read(recordings, a_pending(session=a_session(session_id=session_id)))


@pytest.mark.parametrize(
    "path",
    [
        "../comp-other/prop-456/sess-1.json",
        "/etc/passwd",
        "comp-other/prop-456/sess-1.json",
        "comp-abc/../x",
        "comp-abc//x",
        "x",
        "",
        "comp-abc/\0",
    ],
)
def test_stored_paths_that_lead_away_are_refused(recordings: EfsRecordings, folder: Path, path: str) -> None:
    (folder / "sess-1.json").write_text(json.dumps(EVENTS))
    with pytest.raises(BadItem, match=r"leads out of the company's folder"):
        read(recordings, a_pending(session=a_session(recording_path=path)))
    with pytest.raises(BadItem, match=r"leads out of the company's folder"):
        recordings.read_page(a_pending(dom_staging_path=path))


def test_a_stored_path_must_be_the_sessions_own(recordings: EfsRecordings, folder: Path, tmp_path: Path) -> None:
    (folder / "sess-1.json").write_text(json.dumps(EVENTS))
    own = str(tmp_path / "comp-abc/prop-456/sess-1.json")
    assert read(recordings, a_pending(session=a_session(recording_path=own))).events == 3
    with pytest.raises(BadItem, match="another session's place"):
        read(recordings, a_pending(session=a_session(recording_path="comp-abc/prop-456/sess-2.json")))


def test_pages_are_read_as_they_are(recordings: EfsRecordings, folder: Path) -> None:
    (folder / "sess-1.html").write_bytes(b"<html>\xff</html>")
    assert recordings.read_page(a_pending(dom_staging_path="comp-abc/prop-456/sess-1.html")) == b"<html>\xff</html>"
    assert recordings.read_page(a_pending()) is None


def test_a_page_has_a_limit(recordings: EfsRecordings, folder: Path) -> None:
    with (folder / "sess-1.html").open("wb") as page:
        page.truncate(LARGEST_PAGE + 1)
    with pytest.raises(BadItem, match="the captured page has 20971521 bytes"):
        recordings.read_page(a_pending(dom_staging_path="comp-abc/prop-456/sess-1.html"))
