"""The migration that ``./econsent new-job`` writes, on the real PostgreSQL."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from econsent_stack.commands.new_job import written_files
from econsent_stack.project import ROOT
from econsent_stack.stack import Stack

STEM = "attic_sweep"
ROLE = f"econsent_{STEM}"


@pytest.fixture
def versions(tmp_path: Path) -> Path:
    """Return the folder of a copy of the jobs' package in which the new job's files lie."""
    shutil.copytree(
        ROOT / "include" / "econsent_jobs", tmp_path / "include" / "econsent_jobs", ignore=shutil.ignore_patterns("__pycache__")
    )
    for path, text in written_files(STEM, "Attic sweep", ROOT):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path / "include"


@pytest.fixture
def empty_database(stack: Stack, server: psycopg.Connection[Any]) -> Iterator[str]:
    """The address of a database without a schema. The role, which belongs to the whole server, goes with it."""
    name = sql.Identifier(f"test_{STEM}")
    server.execute(sql.SQL("CREATE DATABASE {}").format(name))
    yield stack.postgres_url(f"test_{STEM}")
    server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
    server.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(ROLE)))


def test_it_makes_a_role_that_can_run_the_job_s_statements(versions: Path, empty_database: str) -> None:
    words = [sys.executable, "-c", f"from econsent_jobs.migrations import upgrade; upgrade({empty_database!r})"]
    for _ in range(2):
        subprocess.run(words, env={**os.environ, "PYTHONPATH": str(versions)}, check=True)

    with psycopg.connect(empty_database, autocommit=True) as database:
        database.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(ROLE)))
        for path in sorted((versions / "econsent_jobs" / STEM / "sql").glob("*.sql")):
            database.execute(path.read_bytes(), {"batch_size": 10})
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            database.execute("DELETE FROM econsent.companies")
