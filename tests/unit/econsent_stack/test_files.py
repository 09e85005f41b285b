"""Files that are whole or absent, bounded logs, secrets and the state file."""

import os
from pathlib import Path

import pytest

from econsent_stack.errors import StackError
from econsent_stack.files import bound_log, last_lines, write_whole
from econsent_stack.process import record
from econsent_stack.secret_values import SecretValues
from econsent_stack.state import State, read_state, write_state


def test_a_file_is_replaced_at_once_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o644)
    write_whole(path, "new", mode=0o600)
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [found.name for found in tmp_path.iterdir()] == ["file"]


def test_last_lines_of_a_long_log_and_of_none(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("".join(f"line {number}\n" for number in range(100_000)))
    assert last_lines(log, 2) == ["line 99998", "line 99999"]
    assert last_lines(tmp_path / "none.log", 2) == []


def test_a_log_takes_a_bounded_room(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    for text in ("first", "second"):
        log.write_text(text * 10)
        bound_log(log, most_bytes=10)
    assert not log.exists()
    assert (tmp_path / "a.log.1").read_text() == "second" * 10


def test_a_secret_is_made_once_and_kept_private(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    first = SecretValues(path).get("a")
    assert SecretValues(path).get("a") == first
    assert SecretValues(path).get("b") != first
    assert path.stat().st_mode & 0o777 == 0o600


def test_secrets_that_cannot_be_read_are_told_and_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    path.write_text("{")
    with pytest.raises(StackError, match="restore it from a copy"):
        SecretValues(path)
    assert path.read_text() == "{"


def test_the_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    me = record(os.getpid())
    state = State(ports={"a": 1}, processes={"b": me}, supervisor=me)
    write_state(tmp_path / "state.json", state)
    assert read_state(tmp_path / "state.json") == state


def test_no_state_is_an_empty_state_and_nonsense_is_told(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    assert read_state(path) == State()
    path.write_text("[]")
    with pytest.raises(StackError, match="delete it and start again"):
        read_state(path)
