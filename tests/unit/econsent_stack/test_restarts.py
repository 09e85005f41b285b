"""How long the supervisor waits before it starts something again, and when a heartbeat counts."""

import json
from pathlib import Path

import pytest

from econsent_stack.components import is_healthy
from econsent_stack.evidence import Evidence, write_evidence
from econsent_stack.supervisor import FORGET_SECONDS, Ends


def test_the_pause_doubles_up_to_half_a_minute() -> None:
    ends = Ends()
    assert [ends.add(now) for now in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    assert ends.retry_at == 6 + 30


def test_old_ends_are_forgotten() -> None:
    ends = Ends()
    for now in range(5):
        ends.add(now)
    assert ends.add(FORGET_SECONDS + 10) == 1


BEAT = "2026-01-01T00:00:10+00:00"
BEAT_SECONDS = 1767225610


@pytest.mark.parametrize(
    ("status", "since", "expected"),
    [
        pytest.param("healthy", BEAT_SECONDS - 1, True, id="a beat after the start"),
        pytest.param("healthy", BEAT_SECONDS + 1, False, id="a killed predecessor's beat"),
        pytest.param("unhealthy", BEAT_SECONDS - 1, False, id="said to be unhealthy"),
        pytest.param(None, BEAT_SECONDS - 1, False, id="never seen"),
    ],
)
def test_health(status: str | None, since: float, expected: bool) -> None:
    report = {"triggerer": {"status": status, "latest_triggerer_heartbeat": BEAT}, "metadatabase": {"status": "healthy"}}
    assert is_healthy("triggerer", report, since=since) is expected
    assert is_healthy("scheduler", report, since=since) is False
    assert is_healthy("api-server", report, since=since) is True


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        pytest.param({}, True, id="nothing wrong"),
        pytest.param({"lost": 1}, False, id="one lost"),
        pytest.param({"duplicated": 1}, False, id="one twice"),
        pytest.param({"wrong": 1}, False, id="one wrong"),
        pytest.param({"mutants": 2, "mutants_killed": 1}, False, id="a planted bug that lived"),
    ],
)
def test_when_a_proof_holds(counts: dict[str, int], expected: bool) -> None:
    assert Evidence(job="any", seed=1, **counts).holds is expected


def test_only_full_evidence_is_kept(tmp_path: Path) -> None:
    line = write_evidence(Evidence(job="any", seed=1, kills=3, full=False), tmp_path)
    assert json.loads(line)["kills"] == 3
    assert list(tmp_path.iterdir()) == []

    write_evidence(Evidence(job="any", seed=1, kills=500), tmp_path)
    kept = json.loads((tmp_path / "any.json").read_text())
    assert (kept["kills"], kept["job"]) == (500, "any")
    assert {"commit", "machine"} <= kept.keys()
    assert "full" not in kept
