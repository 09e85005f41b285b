"""Database servers of a test's own, and PostgreSQL's own programs on them."""

import os
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from econsent_stack.servers import postgres
from econsent_stack.stack import Stack


@contextmanager
def database_server(home: Path) -> Generator[Stack]:
    """A PostgreSQL and nothing else: no role of eConsent, no table, passwords of its own; or what lies in ``home`` already."""
    server = Stack(home)
    server.servers = [postgres.SERVER]
    try:
        server.take_over()
        server.run_servers()
        yield server
    finally:
        server.stop()


def start_again(server: Stack) -> None:
    server.stop_process(postgres.SERVER.name)
    server.start_server(postgres.SERVER)
    server.wait_for_servers(slow=False)


def shell(server: Stack, commands: str, *, folder: Path, environment: Mapping[str, str] | None = None) -> None:
    """Run commands in ``folder`` as the server's superuser would; with an ``environment`` as the component that is told it."""
    prefix, options = postgres.unprivileged()
    place = server.place(postgres.SERVER)
    superuser = {
        "PATH": f"{postgres.programs()}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PGHOST": "127.0.0.1",
        "PGPORT": str(place.ports["listen"]),
        "PGUSER": postgres.SUPERUSER,
        "PGPASSWORD": postgres.SERVER.password(place, postgres.SUPERUSER),
    }
    words = [*prefix, "bash", "-ec", commands]
    done = subprocess.run(words, cwd=folder, env=environment or superuser, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{commands}\n{done.stdout}{done.stderr}"
