"""Tests that are ended leave nothing running."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from econsent_stack.project import ROOT

SLOW_TEST = """
import pathlib, time, pytest

@pytest.fixture(scope="session")
def server():
    yield
    pathlib.Path("ended").touch()

def test_slow(server):
    print("ready", flush=True)
    time.sleep(60)
"""


def test_sigterm_ends_what_fixtures_started(tmp_path: Path) -> None:
    (tmp_path / "test_slow.py").write_text(SLOW_TEST)
    command = [sys.executable, "-m", "pytest", "-s", "-p", "tests.conftest", "-c", os.devnull, "--rootdir", str(tmp_path), str(tmp_path)]
    with subprocess.Popen(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        while "ready" not in (line := run.stdout.readline()):
            assert line, "pytest ended before its test began"
        run.send_signal(signal.SIGTERM)
        run.communicate(timeout=60)
    assert run.returncode == 2  # pytest's code for an interruption
    assert (tmp_path / "ended").exists()
