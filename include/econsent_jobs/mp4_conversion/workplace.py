"""The folder and the processes of one conversion: when it ends, however it ends, nothing of them is left.

A reaper, a small process in a session of its own, knows them all. It does its work when the pipe from this process closes, which the
kernel does for a process that was killed.
"""

import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from econsent_jobs.core.errors import ErrorClass, PermanentError, TransientError
from econsent_jobs.io.processes import memory_bytes

REAPER: Final = Path(__file__).with_name("reaper.py")
LAUNCH: Final = Path(__file__).with_name("launch.py")
PREFIX: Final = "conversion-"
NICE: Final = 10  # a video may wait; what else the machine does, its pages above all, may not
STOP_SECONDS: Final = 5.0
REAPER_SECONDS: Final = 15.0


class Workplace:
    """Use it as a context manager. ``folder`` is empty at first, and this process's alone."""

    def __init__(self, base: Path) -> None:
        self.folder = base / f"{PREFIX}{secrets.token_hex(6)}"
        self._running: list[subprocess.Popen[bytes]] = []
        # the reaper first: a process that is killed between the two would leave a folder that nobody knows
        self._reaper = subprocess.Popen(
            [sys.executable, "-I", "-S", str(REAPER), str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )
        try:
            base.mkdir(parents=True, exist_ok=True)
            self.folder.mkdir(mode=0o700)
        except OSError as error:
            self.__exit__(None, None, None)
            raise PermanentError(
                ErrorClass.CONFIG, f"the working folder {base} cannot be written to ({error.strerror}): make room"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for process in list(self._running):
            self.stop(process, seconds=0.0)
        assert self._reaper.stdin is not None
        with suppress(BrokenPipeError):
            self._reaper.stdin.close()
        try:
            self._reaper.wait(REAPER_SECONDS)
        except subprocess.TimeoutExpired:
            self._reaper.kill()
            self._reaper.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(
        self,
        command: Sequence[str],
        *,
        pipes: tuple[int, int] | None = None,
        stdin: int | IO[bytes] = subprocess.DEVNULL,
        stdout: int | IO[bytes] = subprocess.DEVNULL,
        stderr: int | IO[bytes] = subprocess.DEVNULL,
        variables: Mapping[str, str] | None = None,
        nice: int = NICE,
    ) -> "subprocess.Popen[bytes]":
        """Start a program in the folder, in a process group of its own. ``pipes``: what it reads as number 3 and writes as number 4."""
        read, write = (str(end) for end in pipes) if pipes else ("-", "-")
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(LAUNCH), str(os.getpid()), str(nice), read, write, *command],
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            cwd=self.folder,
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.folder), "TMPDIR": str(self.folder), **(variables or {})},
            pass_fds=pipes or (),
            process_group=0,
        )
        self._running.append(process)  # first, so that it is stopped also when there is nobody to tell
        self._tell(f"+{process.pid}")
        return process

    def stop(self, process: "subprocess.Popen[bytes]", *, seconds: float = STOP_SECONDS) -> int:
        """Wait ``seconds`` for a program to end by itself, then end it and all that it started. Return its exit code."""
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
        if process.stdin is not None:
            with suppress(BrokenPipeError):
                process.stdin.close()
        if process in self._running:
            self._running.remove(process)
            with suppress(TransientError):  # a reaper that is gone ends no group: that this one has ended is no news to it
                self._tell(f"-{process.pid}")
        return code

    def is_alone(self) -> bool:
        """Whether no other conversion has its folder beside this one."""
        return not any(other != self.folder for other in self.folder.parent.glob(f"{PREFIX}*"))

    def memory_bytes(self) -> int:
        """Return the programs' share of memory, together with all that they started."""
        groups = {process.pid for process in self._running}
        return sum(memory_bytes(pid) for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))) if group_of(pid) in groups)

    def _tell(self, line: str) -> None:
        assert self._reaper.stdin is not None
        try:
            self._reaper.stdin.write(f"{line}\n".encode())
            self._reaper.stdin.flush()
        except BrokenPipeError as error:
            raise TransientError(ErrorClass.RENDER, "the process that clears up after a conversion is gone; it is tried again") from error


def group_of(pid: int) -> int | None:
    with suppress(ProcessLookupError, PermissionError):
        return os.getpgid(pid)
    return None
