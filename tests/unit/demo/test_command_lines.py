"""What the commands say to people: one sentence that tells what to do, and an exit code."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from demo.environment import CONNECTION, EFS_BASE, NotReady, connect, find_target
from demo.traffic import main, read_order

GOOD = {"conn_type": "postgres", "host": "127.0.0.1", "port": 5432, "login": "econsent_platform", "password": "a b'c", "schema": "econsent"}


def test_finds_the_database_and_the_share() -> None:
    target = find_target({CONNECTION: json.dumps(GOOD), EFS_BASE: "/efs"})

    assert str(target.efs_base) == "/efs"
    assert "dbname=econsent" in target.conninfo
    assert "password='a b\\'c'" in target.conninfo


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({}, f"{CONNECTION} is not set"),
        ({CONNECTION: json.dumps(GOOD)}, f"{EFS_BASE} is not set"),
        ({CONNECTION: "postgres://a@b/c", EFS_BASE: "/efs"}, "no Connection in JSON"),
        ({CONNECTION: '{"host": "127.0.0.1"}', EFS_BASE: "/efs"}, "no Connection in JSON"),
        ({CONNECTION: "[]", EFS_BASE: "/efs"}, "no Connection in JSON"),
    ],
)
def test_says_what_is_missing(environment: dict[str, str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], environment) == 1
    assert sentence in capsys.readouterr().err


def test_says_how_to_start_a_database_that_does_not_answer() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        port = taken.getsockname()[1]
        target = find_target({CONNECTION: json.dumps(GOOD | {"port": port}), EFS_BASE: "/efs"})

        with pytest.raises(NotReady, match=r"does not answer .*: start it by \./econsent up\.$"):
            connect(target)


@pytest.mark.parametrize(
    "argv",
    [
        ["--sessions", "0"],
        ["--sessions", "1000001"],
        ["--rate", "0"],
        ["--rate", "10001"],
        ["--rate", "nan"],
        ["--bad", "1.1"],
        ["--bad", "-0.1"],
        ["--company", "somebody"],
    ],
)
def test_refuses_what_makes_no_sense(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        read_order(argv)

    assert refused.value.code == 2
    assert argv[0] in capsys.readouterr().err


def test_takes_a_seed_or_draws_one() -> None:
    assert read_order(["--seed", "7"]).seed == 7
    assert len({read_order([]).seed for _ in range(5)}) > 1


def test_one_company_or_all() -> None:
    assert [owner.company_id for owner in read_order(["--company", "demo-03"]).owners] == ["demo-03"]
    assert len(read_order([]).owners) == 3


def test_the_command_says_that_nothing_runs(tmp_path: Path) -> None:
    """In a state folder where no stack ever ran."""
    command = [sys.executable, "-c", "import sys; from econsent_stack.commands.traffic import main; sys.exit(main([]))"]
    told = subprocess.run(command, env={**os.environ, "ECONSENT_HOME": str(tmp_path)}, capture_output=True, text=True, check=False)

    assert told.returncode == 1
    assert told.stderr == f"Nothing says where eConsent runs ({CONNECTION} is not set): start it by ./econsent up, then try again.\n"
    assert told.stdout == ""
