"""How long the supervisor waits before it starts something again, and when a heartbeat counts."""

import json
import os
import time
from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path

import pytest

from econsent_stack.components import WATCH, is_healthy
from econsent_stack.errors import StackError
from econsent_stack.evidence import Evidence, write_evidence
from econsent_stack.one_machine import OneMachine
from econsent_stack.progress import Progress
from econsent_stack.server import Launch
from econsent_stack.stack import Stack
from econsent_stack.state import read_state
from econsent_stack.supervisor import FORGET_SECONDS, LONGEST_PAUSE_SECONDS, MOST_ENDS, Ends, Supervisor


def test_the_pause_doubles_up_to_half_a_minute() -> None:
    ends = Ends()
    assert [ends.add(now) for now in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    assert ends.retry_at == 6 + 30


def test_old_ends_are_forgotten() -> None:
    ends = Ends()
    for now in range(5):
        ends.add(now)
    assert ends.add(FORGET_SECONDS + 10) == 1


ENDS_AT_ONCE = ["sh", "-c", "exit 3"]


def supervisor_of(home: Path, name: str, commands: Iterator[list[str]]) -> tuple[Supervisor, Stack]:
    """A supervisor of one real process; ``commands`` are those of its starts."""
    stack = Stack(home)
    stack.home.make()
    supervisor = Supervisor(stack, Progress(), OneMachine(), demo=False)
    supervisor.supervise(name, lambda: Launch(command=next(commands), environment={"PATH": os.defpath}, folder=home))
    return supervisor, stack


def let_it_end(supervisor: Supervisor, stack: Stack, name: str, *, at: float) -> None:
    """Wait until the process has ended; let the supervisor see that, and start the next one when its pause is over."""
    deadline = time.monotonic() + 30
    while stack.ended(name) is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    supervisor.mend(name, at)
    supervisor.mend(name, at + LONGEST_PAUSE_SECONDS)


def test_a_watch_that_ends_again_and_again_is_still_started_and_told_as_failing(tmp_path: Path) -> None:
    commands = chain(repeat(ENDS_AT_ONCE, MOST_ENDS + 2), repeat(["sleep", "60"]))
    supervisor, stack = supervisor_of(tmp_path / "home", WATCH, commands)
    for number in range(MOST_ENDS + 2):
        assert read_state(stack.home.state_file).failing == ({} if number <= MOST_ENDS else stack.state.failing)
        let_it_end(supervisor, stack, WATCH, at=40.0 * number)

    assert stack.started(WATCH)
    assert read_state(stack.home.state_file).failing == {WATCH: "watch ended 8 times within 10 minutes, last by exit code 3"}

    supervisor.mend(WATCH, 40.0 * (MOST_ENDS + 1) + FORGET_SECONDS)
    assert read_state(stack.home.state_file).failing == {}
    stack.stop_process(WATCH)


def test_any_other_process_that_ends_again_and_again_stops_it_all(tmp_path: Path) -> None:
    supervisor, stack = supervisor_of(tmp_path / "home", "scheduler", repeat(ENDS_AT_ONCE))
    for number in range(MOST_ENDS):
        let_it_end(supervisor, stack, "scheduler", at=40.0 * number)

    with pytest.raises(StackError, match="scheduler ended 7 times within 10 minutes"):
        let_it_end(supervisor, stack, "scheduler", at=40.0 * MOST_ENDS)


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
