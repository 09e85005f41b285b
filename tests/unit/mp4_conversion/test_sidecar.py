"""What lies beside a video: which frame shows which events, and the hashes of everything."""

from datetime import UTC, datetime

from econsent_jobs.mp4_conversion.model import Bounds, Canvas, Certificate, Chapter, Kind
from econsent_jobs.mp4_conversion.rules.plan import plan
from econsent_jobs.mp4_conversion.rules.sidecar import sidecar
from tests.unit.mp4_conversion.examples import a_session, entry, recording


def test_the_whole_document() -> None:
    entries = [entry(at, Kind.PAGE)._replace(event=number) for at, number in ((0, 0), (90, 2), (95, 1), (250, 3), (300, 5), (300, 4))]
    found = recording(*entries, dropped={"no type": 2, "no data": 1}, clamped=4, promoted=3, size_bytes=77, sha256="a" * 64)
    planned = plan(found, [Chapter(frame=0, title="Start")], bounds=Bounds())
    certificates = [Certificate(certificate_id=name, consent_at=datetime(2026, 1, 1, tzinfo=UTC)) for name in ("EC-2", "EC-1")]

    document = sidecar(
        a_session(certificates=certificates),
        found,
        planned,
        Canvas(width=800, page_height=600, height=660),
        video=(1_234, "b" * 64),
        poster_sha256="c" * 64,
        blocked={"https://z/": 2, "https://a/": 1},
        tools={"ffmpeg": "7"},
    )

    assert document == {
        "schema": "econsent-video-1",
        "companyId": "comp-abc",
        "sessionId": "sess/1",
        "propertyId": "prop-456",
        "certificateIds": ["EC-2", "EC-1"],
        "recording": {
            "sha256": "a" * 64,
            "bytes": 77,
            "events": 6,
            "promotedSnapshot": 3,
            "clampedTimes": 4,
            "dropped": {"no data": 1, "no type": 2},
        },
        "video": {
            "sha256": "b" * 64,
            "bytes": 1_234,
            "width": 800,
            "height": 660,
            "pageHeight": 600,
            "fps": 10,
            "frames": 4,
            "durationMs": 400,
            "startedAt": "2026-02-25T06:13:20.000Z",
        },
        "poster": {"sha256": "c" * 64, "frame": 1},
        "chapters": [{"frame": 0, "title": "Start"}],
        "frames": [[0, 0, 0], [1, 1, 2], [3, 3, 5]],
        "blockedRequests": {"https://a/": 1, "https://z/": 2},
        "tools": {"ffmpeg": "7"},
    }
    assert list(document["recording"]["dropped"]) == ["no data", "no type"]
    assert list(document["blockedRequests"]) == ["https://a/", "https://z/"]
