"""Processes by their true identity, and finding what one left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from econsent_stack.process import belonging_to, end_all, facts, in_session, is_alive, record, spawn, wait_until_gone, working_for
from econsent_stack.stack import Stack

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
PARENT = "import os, subprocess; subprocess.Popen(['sleep', '60'], process_group=0, env={}); print('ready', flush=True); os.wait()"


def started(tmp_path: Path, code: str) -> subprocess.Popen[bytes]:
    """Start a marked Python process and wait until it says that it is ready."""
    log = tmp_path / "log"
    child = spawn([sys.executable, "-c", code], log=log, environment=dict(os.environ), folder=tmp_path, home=tmp_path)
    wait_for(lambda: "ready" in log.read_text())
    return child


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "not seen within 10 s"
        time.sleep(0.01)


def test_another_process_with_the_same_pid_is_not_taken_for_it() -> None:
    me = record(os.getpid())
    assert is_alive(me)
    assert not is_alive(replace(me, started_ticks=me.started_ticks - 1))
    assert not is_alive(replace(me, boot="another"))


def test_a_child_that_left_its_group_and_its_environment_is_found_by_its_session(tmp_path: Path) -> None:
    parent = started(tmp_path, PARENT)
    wait_for(lambda: len(in_session(parent.pid)) == 2)
    parent.kill()
    parent.wait()

    left = belonging_to(tmp_path, sessions=frozenset({parent.pid}), programs={})
    assert len(left) == 1
    end_all(left)
    assert in_session(parent.pid) == []


def test_what_a_killed_process_forked_is_found_before_somebody_reaps_it(tmp_path: Path) -> None:
    """A scheduler's workers, when the scheduler's own parent was killed with it: its pid stays taken, by a zombie."""
    parent = started(tmp_path, PARENT)
    wait_for(lambda: len(in_session(parent.pid)) == 2)
    stack = Stack(tmp_path / "home")
    stack.state.processes["scheduler"] = known = record(parent.pid)
    parent.kill()
    wait_for(lambda: not is_alive(known))

    zombie = facts(parent.pid)
    assert zombie is not None
    assert zombie.state == "Z"
    left = stack.left_over()
    assert len(left) == 1
    stack.state.processes["scheduler"] = replace(known, started_ticks=known.started_ticks - 1)
    assert stack.left_over() == []
    end_all(left)
    assert in_session(parent.pid) == []
    parent.wait()


def test_a_marked_process_is_found_without_any_record_of_it(tmp_path: Path) -> None:
    child = started(tmp_path, STUBBORN)
    assert [found.pid for found in belonging_to(tmp_path, sessions=frozenset(), programs={})] == [child.pid]
    assert belonging_to(tmp_path / "another", sessions=frozenset(), programs={}) == []
    child.kill()
    child.wait()


def test_a_process_is_found_by_its_program_and_folder_and_a_shell_in_there_is_not(tmp_path: Path) -> None:
    sleeper = subprocess.Popen(["sleep", "60"], cwd=tmp_path)
    program = Path(f"/proc/{sleeper.pid}/exe")
    wait_for(lambda: "python" not in program.readlink().name)
    assert [found.pid for found in working_for({str(tmp_path): program.readlink().name})] == [sleeper.pid]
    assert working_for({str(tmp_path): "postgres"}) == []
    sleeper.kill()
    sleeper.wait()


def test_what_ignores_the_request_to_end_is_killed(tmp_path: Path) -> None:
    child = started(tmp_path, STUBBORN)
    found = facts(child.pid)
    assert found is not None
    end_all([found], patience_seconds=0.1)
    assert child.wait() == -signal.SIGKILL


def test_waiting_for_an_end_reaps_the_child_and_gives_up_in_time(tmp_path: Path) -> None:
    child = started(tmp_path, STUBBORN)
    known = record(child.pid)
    assert not wait_until_gone(known, seconds=0.05, child=child)
    child.kill()
    assert wait_until_gone(known, seconds=5, child=child)
    assert child.returncode == -signal.SIGKILL
