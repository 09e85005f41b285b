"""When a recording may be converted, when it is tried again, and what may not be made any more."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from econsent_jobs.core.errors import BadItem, ErrorClass
from econsent_jobs.mp4_conversion.model import FileKind
from econsent_jobs.mp4_conversion.rules.keys import object_key, recording_segments
from econsent_jobs.mp4_conversion.rules.lifecycle import check_wanted, convertible_at, retry_delay
from tests.unit.mp4_conversion.examples import NOW, a_session


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


@pytest.mark.parametrize(
    ("changes", "at"),
    [
        pytest.param({}, NOW, id="closed: now"),
        pytest.param({"unfinished_certificates": 1}, NOW + minutes(1), id="a certificate is not finalised: look again in a minute"),
        pytest.param({"closed_at": None, "last_chunk_at": NOW - minutes(10)}, NOW + minutes(20), id="open: half an hour later"),
        pytest.param({"closed_at": None, "last_chunk_at": NOW - minutes(30)}, NOW, id="open, and half an hour is over"),
        pytest.param({"closed_at": None, "last_chunk_at": None, "started_at": NOW}, NOW + minutes(30), id="open, without a chunk"),
    ],
)
def test_convertible_at(changes: dict[str, Any], at: datetime) -> None:
    assert convertible_at(a_session(**changes)) == at


@pytest.mark.parametrize(("attempts", "expected"), [(1, 2), (2, 4), (3, 8), (4, 16), (5, 16)])
def test_retry_delay(attempts: int, expected: float) -> None:
    assert retry_delay(attempts) == minutes(expected)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        pytest.param({"retention_status": "expired"}, "is expired and not retained", id="expired meanwhile"),
        pytest.param({"retention_status": "deleted"}, "is deleted and not retained", id="deleted meanwhile"),
        pytest.param({"retain_until": NOW}, "lock ended", id="its lock would be over"),
    ],
)
def test_what_nobody_may_keep_gets_no_video(changes: dict[str, Any], told: str) -> None:
    check_wanted(a_session())
    with pytest.raises(BadItem, match=told) as refusal:
        check_wanted(a_session(**changes))
    assert refusal.value.error_class is ErrorClass.DATA


@pytest.mark.parametrize(("kind", "suffix"), [(FileKind.VIDEO, "mp4"), (FileKind.POSTER, "jpg"), (FileKind.SIDECAR, "json")])
def test_files_lie_beside_the_certificate(kind: FileKind, suffix: str) -> None:
    assert object_key(a_session(), kind, source_sha256="ab" * 32) == f"comp-abc/prop-456/2026/03/02/sess%2F1/replays/{'ab' * 32}.{suffix}"


def test_a_recording_lies_where_the_platform_wrote_it() -> None:
    """Documented: docs/certificates/session-replay."""
    assert recording_segments(a_session()) == ("comp-abc", "prop-456", "sess%2F1.json")
