"""``./econsent psql``: a prompt in eConsent's database."""

import os
from typing import Final

from econsent_stack.running import running_stack
from econsent_stack.servers.postgres import programs

HELP: Final = "open a prompt in eConsent's database, with all rights; arguments go to psql"


def main(argv: list[str]) -> int:
    stack = running_stack()
    program = programs() / "psql"
    host, port, user, password = "127.0.0.1", str(stack.state.ports["postgres.listen"]), "postgres", stack.secrets.get("postgres.postgres")
    place = {"PGHOST": host, "PGPORT": port, "PGUSER": user, "PGPASSWORD": password, "PGDATABASE": "econsent"}
    os.execve(program, [str(program), *argv], {**os.environ, **place})  # noqa: S606 the terminal is psql's from here
