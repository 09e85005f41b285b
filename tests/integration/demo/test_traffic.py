"""Traffic against the real PostgreSQL."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from demo.environment import NotReady
from demo.insert import insert_tenant
from demo.tenants import TENANTS
from demo.traffic import Order, Traffic, carry_out, generate

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
BIG = 1_000_000


def order(*, sessions: int, rate: float = 1000.0, seed: int = 5, bad_share: float = 0.0, open_seconds: float = 0.1) -> Order:
    return Order(sessions=sessions, rate=rate, seed=seed, bad_share=bad_share, owners=TENANTS, open_seconds=open_seconds)


def sessions(database: psycopg.Connection) -> tuple[int, int]:
    """How many there are, and how many of them are open."""
    found = database.execute("SELECT count(*), count(*) FILTER (WHERE closed_at IS NULL) FROM econsent.sessions").fetchone()
    assert found is not None
    return found[0], found[1]


def altered(database: psycopg.Connection) -> list[str]:
    """Sessions whose recording is not the one that they name."""
    found = database.execute("SELECT session_id, recording_path, recording_sha256 FROM econsent.sessions").fetchall()
    return [name for name, path, sha256 in found if hashlib.sha256(Path(path).read_bytes()).hexdigest() != sha256]


def still_growing(database: psycopg.Connection) -> int:
    """How many recordings lack their closing event yet."""
    found = database.execute("SELECT recording_path, recording_events FROM econsent.sessions").fetchall()
    events = [(json.loads(Path(path).read_bytes()), count) for path, count in found]
    assert all(len(recorded) == count for recorded, count in events)
    return sum(recorded[-1]["type"] != 5 for recorded, _ in events)


def test_every_session_begins_is_submitted_and_closed(platform: psycopg.Connection, efs_base: Path) -> None:
    carry_out(platform, efs_base, order(sessions=12))

    assert sessions(platform) == (12, 0)
    assert altered(platform) == []
    assert platform.execute("SELECT count(*) FROM econsent.certificate_queue").fetchone() == (12,)


def test_sessions_are_open_before_they_are_closed(platform: psycopg.Connection, efs_base: Path) -> None:
    for owner in TENANTS:
        insert_tenant(platform, owner)
    stop = threading.Event()
    for _ in Traffic(platform, efs_base, order(sessions=9, open_seconds=3600)).run(stop):
        assert sessions(platform) == (9, 9), "none of them is due for an hour"
        assert still_growing(platform) == 9
        stop.set()

    assert sessions(platform) == (9, 0)
    assert altered(platform) == []


def test_once_stopped_it_begins_nothing_and_closes_everything(platform: psycopg.Connection, efs_base: Path) -> None:
    for owner in TENANTS:
        insert_tenant(platform, owner)
    traffic, stop = Traffic(platform, efs_base, order(sessions=BIG, rate=20)), threading.Event()
    for _ in traffic.run(stop):
        stop.set()

    assert traffic.tally.begun == traffic.tally.closed == sessions(platform)[0]
    assert 0 < traffic.tally.begun < BIG
    assert sessions(platform)[1] == 0


def test_some_are_bad_when_asked_for(platform: psycopg.Connection, efs_base: Path) -> None:
    for owner in TENANTS:
        insert_tenant(platform, owner)
    traffic, stop = Traffic(platform, efs_base, order(sessions=40, bad_share=0.5)), threading.Event()
    for _ in traffic.run(stop):
        stop.set()

    assert 10 <= traffic.tally.bad <= 30
    assert traffic.tally.certificates == 40


def test_a_seed_is_used_once(platform: psycopg.Connection, efs_base: Path) -> None:
    carry_out(platform, efs_base, order(sessions=1))

    with pytest.raises(NotReady, match="take another --seed"):
        carry_out(platform, efs_base, order(sessions=1))
    carry_out(platform, efs_base, order(sessions=1, seed=6))
    assert sessions(platform) == (2, 0)


def test_ctrl_c_ends_the_command_cleanly(database: psycopg.Connection, environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "demo.traffic", "--sessions", str(BIG), "--rate", "20"]
    with subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first, progress = process.stdout.readline(), process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()

    assert process.returncode == 0
    assert first.startswith("Adding 1000000 sessions, 20 a second")
    assert "sessions begun" in progress
    assert "Stopped after" in rest
    total, still_open = sessions(database)
    assert total > 0
    assert still_open == 0


def test_bulk_is_whole_and_the_same_again(platform: psycopg.Connection, efs_base: Path, tree: Callable[[], dict[str, bytes | str]]) -> None:
    assert generate(platform, efs_base, sessions=450, seed=3, now=NOW) == 450
    files = tree()

    assert sessions(platform) == (450, 0)
    assert altered(platform) == []
    assert platform.execute("SELECT count(*) FROM econsent.certificate_queue").fetchone() == (450,)
    assert generate(platform, efs_base, sessions=450, seed=3, now=NOW) == 0
    assert tree() == files
