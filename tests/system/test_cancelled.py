"""A run that somebody ends: what its task had in hand is free at once, nothing of it is left, and no recording is blamed for it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from econsent_stack.stores import Stores, open_stores
from tests.integration.mp4_conversion.given import Event, change_text, full_snapshot, meta, node, retain, text, written
from tests.integration.mp4_conversion.processes import working_in
from tests.system.browsing import send_json, set_paused, token
from tests.system.running import Up, wait_for

pytestmark = [pytest.mark.servers, pytest.mark.timeout(900)]

JOB = "mp4_conversion"
RUNS = f"/api/v2/dags/{JOB}/dagRuns"
PICTURES = 30_000  # minutes of work
COMPANY = "demo-01"


@pytest.fixture
def stores(up: Up) -> Iterator[Stores]:
    with open_stores(up.stack()) as stores:
        yield stores


@pytest.fixture
def long_video(up: Up, stores: Stores) -> Iterator[str]:
    """Return the id of a session whose video takes minutes; at the end it is wanted no longer, and the job goes on."""
    visit = retain(stores.database, stores.efs_base, written(long_recording()), seed=77, company_id=COMPANY)
    try:
        yield visit.session.session_id
    finally:
        stores.database.execute(
            "UPDATE econsent.video_conversions SET status = 'failed', finished_at = now(), error_class = 'data' WHERE session_id = %s",
            [visit.session.session_id],
        )
        stores.database.execute(
            "UPDATE econsent.sessions SET rrweb_to_video_status = 'failed' WHERE session_id = %s", [visit.session.session_id]
        )
        set_paused(up, JOB, reason=None)


def long_recording() -> list[Event]:
    page = full_snapshot(node(5, "h1", text(6, "Hello")))
    return [meta(), page, *(change_text(100 * (number + 1), 6, f"word {number}") for number in range(PICTURES))]


def conversion(stores: Stores, session_id: str) -> dict[str, Any]:
    names = ("status", "progress_percent", "attempts", "lost_leases", "leased_until")
    (row,) = stores.database.execute(
        "SELECT status, progress_percent, attempts, lost_leases, leased_until FROM econsent.video_conversions WHERE session_id = %s",
        [session_id],
    ).fetchall()
    return dict(zip(names, row, strict=True))


def end_runs(up: Up) -> None:
    """Mark whatever runs as failed, as an administrator does in Airflow's pages."""
    status, found = up.request(f"{RUNS}?state=running", token=token(up, "admin"))
    assert status == 200
    assert found["dag_runs"], "nothing runs"
    for run in found["dag_runs"]:
        status, text = send_json(up, f"{RUNS}/{quote(run['dag_run_id'])}", {"state": "failed"}, user="admin", method="PATCH")
        assert status == 200, text


def test_a_run_that_an_administrator_ends_gives_back_its_video(up: Up, stores: Stores, long_video: str) -> None:
    folder = Path(up.stack().environment()["AIRFLOW_VAR_ECONSENT_VIDEO_FOLDER"])
    wait_for(lambda: (conversion(stores, long_video)["progress_percent"] or 0) > 0, what="a video under way")
    assert {"chromium", "ffmpeg"} <= {started.kind for started in working_in(folder)}

    set_paused(up, JOB, reason="a person looks at it")
    end_runs(up)

    given_back = {"status": "pending", "progress_percent": None, "attempts": 0, "lost_leases": 0, "leased_until": None}
    wait_for(lambda: conversion(stores, long_video) == given_back, what="the video free again, and nobody lost with it", seconds=60)
    wait_for(lambda: working_in(folder) == [] and list(folder.iterdir()) == [], what="no process and no file", seconds=60)
