"""Everything that jobs open, through Airflow's hooks, in a process with the stack's environment."""

import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from econsent_stack.project import ROOT
from econsent_stack.stack import Stack


class Index(BaseHTTPRequestHandler):
    """Answers like the root of a search server, and says back who asked."""

    def do_GET(self) -> None:
        body = json.dumps({"asked_with": self.headers["Authorization"]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Elastic-Product", "Elasticsearch")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Keep the test's output quiet."""


@pytest.fixture(scope="module")
def index_port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Index) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def opened(airflow: dict[str, str], stack: Stack, index_port: int) -> dict[str, Any]:
    """Return what became of opening each thing."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        index = {"conn_type": "elasticsearch", "host": "127.0.0.1", "port": index_port, "schema": "http"}
        away = {"conn_type": "postgres", "host": "127.0.0.1", "port": closed.getsockname()[1], "login": "a", "schema": "econsent"}
        connections = {
            "econsent_search": {**index, "login": "sync", "password": "word"},
            "econsent_away_database": away,
            "econsent_signing_key": {
                "conn_type": "generic",
                "login": "key-2",
                "password": "k" * 40,
                "extra": {"retired": {"key-1": "o" * 32}},
            },
        }
        environment = airflow | {f"AIRFLOW_CONN_{name.upper()}": json.dumps(value) for name, value in connections.items()}
        words = [sys.executable, str(Path(__file__).with_name("opens_everything.py"))]
        done = subprocess.run(words, env=environment, cwd=stack.home.path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("stem", ["certificate_processing", "dashboard"])
def test_a_database_is_opened_as_its_job_s_role(stem: str, opened: dict[str, Any]) -> None:
    assert opened[stem] == [True, f"econsent_{stem}", "UTC", "force_custom_plan"]


def test_a_right_that_is_missing_is_permanent(opened: dict[str, Any]) -> None:
    """It is no bug of the job, and no retry brings it."""
    assert opened["forbidden"].startswith("PermanentError config: ")
    assert "permission denied" in opened["forbidden"]


def test_a_database_that_is_away_is_transient(opened: dict[str, Any]) -> None:
    assert opened["away"].startswith("TransientError db_connectivity: ")


def test_a_missing_connection_is_named(opened: dict[str, Any]) -> None:
    assert opened["nobody"] == (
        "PermanentError config: the Connection econsent_nobody_database is missing;"
        " set AIRFLOW_CONN_ECONSENT_NOBODY_DATABASE or add it to the secrets backend"
    )


def test_the_archive_is_opened_with_each_kind_of_rights(opened: dict[str, Any]) -> None:
    assert opened["buckets"] == [200, 200, 200]


def test_the_search_index_is_opened_as_its_connection_says(opened: dict[str, Any]) -> None:
    assert opened["search"] == "Basic c3luYzp3b3Jk"


def test_the_signing_keys_stay_out_of_logs(opened: dict[str, Any]) -> None:
    assert opened["keys"] == ["SigningKeys(key_id='key-2')", 40, ["key-1"]]


def test_no_other_file_spells_a_connection_id() -> None:
    spelled = [
        path.name
        for path in (ROOT / "plugins").rglob("*.py")
        if re.search(r"econsent_archive(?!_bucket)|conn_id=", path.read_text(encoding="utf-8"))
    ]

    assert spelled == ["connections.py"]
