"""``./econsent videos`` on the real stores, with the job's own role."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest

from econsent_jobs.core.canonical_json import sha256_hex
from econsent_jobs.core.results import JobResult
from econsent_jobs.mp4_conversion.commands import CONNECTION, PROGRAMS, videos
from econsent_jobs.mp4_conversion.model import Programs
from econsent_stack.chromium import video_programs
from econsent_stack.stack import Stack
from tests.integration.mp4_conversion.given import retain, small_recording, written

Database = psycopg.Connection[Any]
SMALL = written(small_recording())


class Ask:
    """Types ``./econsent videos …`` and keeps what is printed."""

    def __init__(self, environment: Mapping[str, str], printed: pytest.CaptureFixture[str]) -> None:
        self._environment, self._printed = environment, printed

    def __call__(self, *words: str) -> tuple[int, str, str]:
        """Return exit code, output and errors."""
        self._printed.readouterr()
        code = videos(list(words), self._environment)
        printed = self._printed.readouterr()
        return code, printed.out, printed.err


@pytest.fixture
def ask(stack: Stack, database: Database, capsys: pytest.CaptureFixture[str]) -> Ask:
    known = json.loads(stack.environment()[CONNECTION])
    return Ask({CONNECTION: json.dumps({**known, "schema": database.info.dbname}), PROGRAMS: json.dumps(video_programs({}))}, capsys)


def test_a_failed_video_is_listed_explained_and_put_back(ask: Ask, run: Callable[..., JobResult], database: Database, efs: Path) -> None:
    visit = retain(database, efs, SMALL, recording_sha256="0" * 64)
    run()
    session_id = visit.session.session_id

    code, out, _ = ask("list", "--status", "failed")
    assert (code, session_id in out, "integrity: " in out) == (0, True, True)
    code, out, _ = ask("explain", session_id)
    assert out.splitlines()[0] == f"video of session demo-01/{session_id}: failed"
    assert out.splitlines()[-1].endswith(f"./econsent videos retry {session_id}")

    database.execute("UPDATE econsent.sessions SET recording_sha256 = %s", [sha256_hex(SMALL)])
    code, out, _ = ask("retry", session_id, "--dry-run")
    assert (code, f"would put back demo-01/{session_id} (integrity: " in out, ask("list", "--status", "failed")[0]) == (0, True, 0)
    code, out, _ = ask("retry", session_id, "--by", "somebody@example.com")
    assert (code, f"put back demo-01/{session_id}" in out) == (0, True)
    audit = database.execute("SELECT \"user\" FROM econsent.audit_log WHERE action = 'video.requeued'").fetchall()
    assert audit == [("somebody@example.com",)]
    assert [ask("retry", session_id, *dry)[0] for dry in ((), ("--dry-run",))] == [1, 1], "it waits already"

    assert run().changed == 1
    _, out, _ = ask("explain", session_id)
    lines = out.splitlines()
    assert lines[-1].endswith("completed: nothing is left to do; its session is retained")
    assert [
        word for line in lines for word in ("put back into the queue by somebody", "made: 1.6 s, 320 x", "stored: video") if word in line
    ]
    assert ask("list")[1].splitlines()[-1] == "1 conversions."


def test_what_is_unknown_is_told(ask: Ask) -> None:
    assert ask("explain", "nobody")[0] == 1
    assert ask("retry", "nobody")[0] == 1
    assert ask("list", "--company", "nobody")[0] == 1


def test_a_file_is_converted_without_any_store(ask: Ask, tmp_path: Path, programs: Programs) -> None:
    (tmp_path / "visit.json").write_bytes(SMALL)

    code, out, _ = ask("convert", str(tmp_path / "visit.json"), "--out", str(tmp_path / "made"))

    assert code == 0
    assert {path.name for path in (tmp_path / "made").iterdir()} == {"visit.mp4", "visit.jpg", "visit.json"}
    assert "x real time" in out.splitlines()[-1]
    assert ask("convert", str(tmp_path / "missing.json"))[0] == 1
