"""Every command that a runbook names is followed on a running system, with real ids in the place of its words."""

import re
import shlex
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest

from econsent_stack.project import ROOT
from tests.system.running import Up, wait_for

pytestmark = [pytest.mark.servers, pytest.mark.timeout(600)]

PAGES = sorted([*(ROOT / "docs" / "runbooks").glob("*.md"), ROOT / "docs" / "operations.md"])
SPAN = re.compile(r"`\./econsent ([^`]+)`")
COMMANDS = sorted({span for page in PAGES for span in SPAN.findall(page.read_text(encoding="utf-8"))})
NOT_HERE = {"up", "psql", "env --compose > .env"}
"""``up`` runs already, ``psql`` waits for a person, and the third one is ``tests/unit/econsent_stack/test_compose.py``'s."""
MAY_HAVE_NOTHING_TO_DO = ("search certificates", "search redrive", "search rollback", "videos retry", "wallet report")
"""No certificate has these words, nothing is set aside, no reindex was before, no video failed, no balance was wrong: they say so."""
VIDEO = (
    "SELECT session_id FROM econsent.sessions WHERE rrweb_to_video_status IN ('completed', 'failed')"
    " ORDER BY rrweb_to_video_status DESC LIMIT 1"
)
IN_THE_INDEX = (
    "SELECT certificate_id FROM econsent.certificates AS known WHERE status = 'finalized' AND NOT EXISTS"
    " (SELECT FROM econsent.search_outbox AS waiting WHERE waiting.doc_key = known.certificate_pk::text) LIMIT 1"
)
ID_OF: Mapping[str, str] = {
    "certificates explain": "SELECT certificate_id FROM econsent.certificates WHERE status = 'finalized' LIMIT 1",
    "certificates retry": "SELECT company_id || '/' || certificate_pk FROM econsent.certificates WHERE status = 'failed' LIMIT 1",
    "videos explain": VIDEO,
    "videos retry": VIDEO,
    "webhooks send-test": (
        "SELECT endpoint_id::text FROM econsent.webhook_deliveries GROUP BY endpoint_id HAVING bool_and(status = 'delivered') LIMIT 1"
    ),
    "webhooks recover": "SELECT endpoint_id::text FROM econsent.webhook_deliveries WHERE status <> 'delivered' LIMIT 1",
}
WORDS: Mapping[str, str] = {
    "CERTIFICATE": IN_THE_INDEX,
    "COMPANY": "SELECT company_id FROM econsent.companies LIMIT 1",
    "C": "SELECT company_id FROM econsent.companies LIMIT 1",
    "DELIVERY": "SELECT delivery_id::text FROM econsent.webhook_deliveries LIMIT 1",
    "FILE": "SELECT recording_path FROM econsent.sessions WHERE rrweb_to_video_status = 'completed' ORDER BY recording_bytes LIMIT 1",
    "KEY": "SELECT object_key FROM econsent.storage_objects WHERE state = 'stored' LIMIT 1",
    "NUMBER": "SELECT '1'",
    "OBJECT": "SELECT object_key FROM econsent.storage_objects WHERE state = 'stored' LIMIT 1",
    "TIME": "SELECT to_char(now() - interval '1 hour', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')",
    "…": "SELECT '--since=2026-01-01T00:00Z'",
}


def ask(up: Up, query: str) -> Any:
    with psycopg.connect(up.stack().postgres_url("econsent")) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


def filled(up: Up, command: str) -> list[str]:
    """Put something real in the place of each word in capitals, and take what is optional along."""
    words = shlex.split(command.replace("[", "").replace("]", ""))
    stem = " ".join(words[:2])
    found: list[str] = []
    for word in words:
        query = ID_OF.get(stem) if word == "ID" else WORDS.get(word)
        assert query or not re.fullmatch(r"[A-Z]+|…", word), f"nobody knows what {word} is in: ./econsent {command}"
        value = ask(up, query) if query else word
        assert value is not None, f"the demo has no {word} for: ./econsent {command}"
        found.append(value)
    return found


@pytest.fixture(scope="module")
def busy(up: Up) -> Up:
    """A system whose first video is made: by then the other jobs have run as well."""
    wait_for(lambda: ask(up, WORDS["FILE"]), what="the first video")
    wait_for(lambda: ask(up, ID_OF["webhooks send-test"]), what="an endpoint that works")
    wait_for(lambda: ask(up, IN_THE_INDEX), what="a certificate in the index")
    wait_for(lambda: ask(up, ID_OF["webhooks recover"]), what="an endpoint that fails")
    return up


def test_the_pages_name_commands() -> None:
    assert len(COMMANDS) > 30


@pytest.mark.parametrize("command", [command for command in COMMANDS if command not in NOT_HERE])
def test_a_command_of_a_runbook_can_be_followed(busy: Up, command: str, tmp_path: Path) -> None:
    words = filled(busy, command)
    if words[:2] == ["videos", "convert"]:
        words += ["--out", str(tmp_path)]
    started = time.monotonic()
    told = busy.command(*words)
    output = told.stdout + told.stderr

    assert "Traceback" not in output
    if told.returncode and command.startswith(MAY_HAVE_NOTHING_TO_DO):
        assert output.count("\n") == 1, output
    else:
        assert told.returncode == 0, f"{shlex.join(words)}: {output}"
    assert output.strip(), f"{shlex.join(words)} says nothing, after {time.monotonic() - started:.1f} s"
