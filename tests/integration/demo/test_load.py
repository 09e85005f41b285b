"""The demo, loaded into the real PostgreSQL."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest

from demo.bad import DEMO_KINDS, OUTSIDE
from demo.load import Loaded, load
from demo.tenants import TENANTS

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ROWS: dict[str, LiteralString] = {
    "sessions": "SELECT * FROM econsent.sessions ORDER BY company_id, session_id",
    "certificates": (
        "SELECT company_id, property_id, session_id, source_ref, source, submission_no, status, consent_at, capture::text,"
        " dom_staging_path, consumer_phone, consumer_email, consumer_name, ip, user_agent, browser_language, geo, origin, domain,"
        " created_at, updated_at"
        " FROM econsent.certificates ORDER BY company_id, source, session_id, source_ref, submission_no"
    ),
    "templates": "SELECT company_id, template_id, version, body_sha256, status FROM econsent.consent_templates ORDER BY 1, 2, 3",
    "properties": (
        "SELECT company_id, property_id, origin, session_expiration, certificate_expiration FROM econsent.properties ORDER BY 1, 2"
    ),
}


def rows(database: psycopg.Connection) -> dict[str, list[Any]]:
    return {name: database.execute(query).fetchall() for name, query in ROWS.items()}


def count(database: psycopg.Connection, query: LiteralString) -> int:
    found = database.execute(f"SELECT count(*) FROM {query}").fetchone()
    assert found is not None
    return found[0]


def test_shows_three_companies_with_pending_certificates(platform: psycopg.Connection, efs_base: Path) -> None:
    loaded = load(platform, efs_base, seed=1, now=NOW)

    assert loaded.companies == 3
    assert 50 <= loaded.sessions <= 70
    assert loaded.certificates == count(platform, "econsent.certificates WHERE status = 'pending'")
    assert loaded.certificates == count(platform, "econsent.certificate_queue")
    assert count(platform, "econsent.sessions WHERE closed_at IS NULL") == 6
    assert count(platform, "econsent.certificates WHERE source <> 'session'") == 9
    settings = "SELECT company_id, auto_retention_enabled, auto_retention_mode FROM econsent.retention_settings ORDER BY 1"
    assert platform.execute(settings).fetchall() == [
        ("demo-01", False, "certificates"),
        ("demo-02", True, "certificates"),
        ("demo-03", True, "all"),
    ]


def test_a_second_load_on_another_day_adds_and_changes_nothing(
    platform: psycopg.Connection, efs_base: Path, tree: Callable[[], dict[str, bytes | str]]
) -> None:
    load(platform, efs_base, seed=1, now=NOW)
    before, files = rows(platform), tree()

    assert load(platform, efs_base, seed=1, now=NOW + timedelta(days=1)) == Loaded(companies=0, sessions=0, certificates=0)
    assert rows(platform) == before
    assert tree() == files


def test_the_same_seed_and_time_give_the_same_rows_and_files(
    platform: psycopg.Connection,
    second_database: psycopg.Connection,
    efs_base: Path,
    tree: Callable[[], dict[str, bytes | str]],
) -> None:
    load(platform, efs_base, seed=1, now=NOW)
    first = tree()
    for path in first:
        (efs_base / path).unlink()
    load(second_database, efs_base, seed=1, now=NOW)

    assert rows(platform) == rows(second_database)
    assert tree() == first


def test_a_load_that_was_cut_short_is_completed(platform: psycopg.Connection, efs_base: Path) -> None:
    efs_base.parent.mkdir(exist_ok=True)
    efs_base.write_bytes(b"in the way")
    with pytest.raises(OSError, match="efs"):
        load(platform, efs_base, seed=1, now=NOW)
    assert count(platform, "econsent.sessions") == 0
    efs_base.unlink()

    loaded = load(platform, efs_base, seed=1, now=NOW)
    assert (loaded.companies, loaded.sessions) == (0, count(platform, "econsent.sessions"))
    assert loaded.sessions > 0


def test_has_one_bad_visit_of_each_kind(platform: psycopg.Connection, efs_base: Path) -> None:
    load(platform, efs_base, seed=1, now=NOW)
    ids = [row[0] for row in platform.execute("SELECT session_id FROM econsent.sessions")]

    assert {kind: sum(f"-{kind.slug}-" in name for name in ids) for kind in DEMO_KINDS} == dict.fromkeys(DEMO_KINDS, 1)


def test_recordings_are_where_the_rows_say_and_hash_as_they_say(platform: psycopg.Connection, efs_base: Path) -> None:
    load(platform, efs_base, seed=1, now=NOW)
    query = (
        "SELECT session_id FROM econsent.sessions WHERE closed_at IS NOT NULL AND recording_sha256 <> encode(sha256(%(contents)s), 'hex')"
        " AND company_id = %(company_id)s AND session_id = %(session_id)s"
    )
    wrong, missing = [], []
    for company, session, path in platform.execute("SELECT company_id, session_id, recording_path FROM econsent.sessions").fetchall():
        if not Path(path).exists():
            missing.append(session)
            continue
        values = {"contents": Path(path).read_bytes(), "company_id": company, "session_id": session}
        wrong += [name for (name,) in platform.execute(query, values)]

    assert [name.split("-", 2)[2] for name in wrong] == ["recording-altered-0001"]
    assert sorted(name.partition("demo-0")[2][2:] for name in missing) == ["recording-missing-0001", "session-id-absolute-0001"]


def test_only_the_two_planted_files_lie_outside_a_company(
    platform: psycopg.Connection, efs_base: Path, tree: Callable[[], dict[str, bytes | str]]
) -> None:
    load(platform, efs_base, seed=1, now=NOW)
    owners = {path.split("/")[0] for path in tree()}

    assert owners == {owner.company_id for owner in TENANTS} | {OUTSIDE}
    assert sum(path.startswith(OUTSIDE) for path in tree()) == 2


def test_the_command_loads_once_and_says_so(database: psycopg.Connection, environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "demo.load", "--now", "2026-03-02T09:30:00.1234Z"]
    outputs = [subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=True).stdout for _ in "12"]

    assert outputs[0].startswith("3 companies, ")
    assert outputs[1] == "0 companies, 0 sessions, 0 pending certificates added\n"
    assert count(database, "econsent.sessions WHERE started_at <> date_trunc('milliseconds', started_at)") == 0
