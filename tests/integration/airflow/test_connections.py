"""Everything that jobs open, through Airflow's hooks, in a process with the stack's environment."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from econsent_stack.project import ROOT
from econsent_stack.stack import Stack

BEGIN = "import json\nfrom econsent_airflow.connections import *\nfrom econsent_jobs.core.errors import EconsentError\n"


@pytest.fixture
def tried(airflow: dict[str, str], stack: Stack) -> Any:
    """Return a function that runs code after importing ``connections``, and returns what it printed last."""

    def run(code: str, **connections: Any) -> str:
        named = {f"AIRFLOW_CONN_{name.upper()}": json.dumps(value) for name, value in connections.items()}
        words = [sys.executable, "-c", BEGIN + code]
        done = subprocess.run(words, env={**airflow, **named}, cwd=stack.home.path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip().splitlines()[-1]

    return run


def refused(call: str) -> str:
    """Return code that prints the kind and sentence of the error that ``call`` raises."""
    return f"try:\n  {call}\n  print('nothing was raised')\nexcept EconsentError as error:\n  print(type(error).__name__, error)\n"


@pytest.mark.parametrize("stem", ["certificate_processing", "dashboard"])
def test_a_database_is_opened_as_its_job_s_role(stem: str, tried: Any) -> None:
    query = "SELECT current_user, current_setting('TimeZone'), current_setting('plan_cache_mode')"
    code = f'with open_database("{stem}") as database:\n  print(database.autocommit, *database.execute("{query}").fetchone())\n'

    assert tried(code) == f"True econsent_{stem} UTC force_custom_plan"


def test_what_postgresql_refuses_is_told_in_words(tried: Any) -> None:
    """A right that is missing is no bug of the job, and no retry brings it."""
    said = tried(refused('with open_database("certificate_processing") as database: database.execute("DELETE FROM econsent.companies")'))

    assert said.startswith("PermanentError config: ")
    assert "permission denied" in said


def test_a_database_that_is_away_is_transient(tried: Any) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        connection = {"conn_type": "postgres", "host": "127.0.0.1", "port": closed.getsockname()[1], "login": "a", "schema": "econsent"}
        said = tried(refused('open_database("dashboard").__enter__()'), econsent_dashboard_database=connection)

    assert said.startswith("TransientError db_connectivity: ")


def test_the_object_store_is_opened_with_the_rights_asked_for(tried: Any) -> None:
    code = "for conn_id in (ARCHIVE, ARCHIVE_RETENTION, ARCHIVE_VERIFY):\n  with open_object_store(conn_id) as client:\n"
    code += '    print(client.list_objects_v2(Bucket="econsent-archive")["ResponseMetadata"]["HTTPStatusCode"])\n'

    assert tried(code) == "200"


def test_a_missing_connection_is_named(tried: Any) -> None:
    assert tried(refused('open_database("nobody").__enter__()')) == (
        "PermanentError config: the Connection econsent_nobody_database is missing;"
        " set AIRFLOW_CONN_ECONSENT_NOBODY_DATABASE or add it to the secrets backend"
    )


def test_the_signing_keys_stay_out_of_logs(tried: Any) -> None:
    key = {"conn_type": "generic", "login": "key-2", "password": "k" * 32, "extra": {"retired": {"key-1": "o" * 32}}}
    code = "keys = signing_keys()\nprint(keys, keys.key.decode()[:2], sorted(keys.retired), keys.retired['key-1'].decode()[:2])\n"

    assert tried(code, econsent_signing_key=key) == "SigningKeys(key_id='key-2') kk ['key-1'] oo"


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


@pytest.fixture
def index_port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Index) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_the_search_index_is_opened_as_its_connection_says(index_port: int, tried: Any) -> None:
    connection = {
        "conn_type": "elasticsearch",
        "host": "127.0.0.1",
        "port": index_port,
        "schema": "http",
        "login": "sync",
        "password": "word",
    }

    assert tried("with open_search() as client: print(client.info()['asked_with'])", econsent_search=connection) == "Basic c3luYzp3b3Jk"


def test_no_other_file_spells_a_connection_id() -> None:
    plugins = ROOT / "plugins"
    spelled = [path.name for path in plugins.rglob("*.py") if "econsent_archive" in path.read_text() or "conn_id=" in path.read_text()]

    assert spelled == ["connections.py"]
