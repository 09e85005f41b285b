"""Processes by their true identity: a pid alone may be somebody else's by now.

A process is known by its pid, its start time and the machine's boot. What it left behind is found in three ways, because each
misses some: its session (a task of Airflow has a process group of its own, but stays in the scheduler's session), the mark in its
environment (which a program that renames itself may overwrite), and its working folder (each PostgreSQL backend is a session of its own,
but works in the data folder).
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

MARK: Final = "ECONSENT_STACK_HOME"
POLL_SECONDS: Final = 0.02
KILL_PATIENCE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """``started_ticks``: clock ticks since boot, from ``/proc/<pid>/stat``; ``boot`` names the boot they count from."""

    pid: int
    started_ticks: int
    boot: str


@dataclass(frozen=True, slots=True)
class ProcessFacts:
    """What ``/proc/<pid>/stat`` says."""

    pid: int
    state: str
    parent: int
    group: int
    session: int
    started_ticks: int


def facts(pid: int) -> ProcessFacts | None:
    """Return what the kernel says of ``pid``; None when there is no such process."""
    fields = stat_fields(pid)
    return ProcessFacts(pid, fields[0], int(fields[1]), int(fields[2]), int(fields[3]), int(fields[19])) if fields else None


def stat_fields(pid: int) -> list[str]:
    """Read ``/proc/<pid>/stat`` from the state on, behind the name that may hold anything; empty when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def all_processes() -> Iterator[ProcessFacts]:
    for name in os.listdir("/proc"):
        if name.isdigit() and (found := facts(int(name))) and found.state != "Z":
            yield found


def processor_seconds(pid: int) -> float:
    """Return user and system time of a process and of its children that have ended; 0 when there is no such process."""
    return sum(map(int, stat_fields(pid)[11:15])) / os.sysconf("SC_CLK_TCK")


def peak_kb() -> int:
    """Return the most memory that this program ever held; what getrusage() says begins with what its parent had taken."""
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return int(text.partition("VmHWM:")[2].split()[0])


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def record(pid: int) -> ProcessRecord:
    """Write down who ``pid`` is. Raises ProcessLookupError when it is gone."""
    found = facts(pid)
    if found is None:
        raise ProcessLookupError(pid)
    return ProcessRecord(pid=pid, started_ticks=found.started_ticks, boot=boot_id())


def is_alive(known: ProcessRecord) -> bool:
    """Whether this very process still runs; a zombie does not."""
    found = facts(known.pid)
    return found is not None and found.state != "Z" and found.started_ticks == known.started_ticks and boot_id() == known.boot


def spawn(
    command: Sequence[str], *, log: Path, environment: Mapping[str, str], folder: Path, home: Path, **options: Any
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, marked as belonging to ``home``, with its output appended to ``log``."""
    with log.open("ab") as output:
        return subprocess.Popen[bytes](
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**environment, MARK: str(home)},
            cwd=folder,
            start_new_session=True,
            umask=0o077,
            **options,
        )


def _environment(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def working_folder(pid: int) -> str:
    """Return the folder that ``pid`` works in; empty when it is gone or not ours to ask."""
    try:
        return str(Path(f"/proc/{pid}/cwd").readlink())
    except OSError:
        return ""


def belonging_to(home: Path, *, sessions: frozenset[int], programs: Mapping[str, str]) -> list[ProcessFacts]:
    """Find every live process of the stack in ``home``: by its session, by the mark in its environment, or as in ``working_for``.

    This process is never among them.
    """
    mark = f"{MARK}={home}".encode()
    found = {process.pid: process for process in working_for(programs)}
    for process in all_processes():
        if process.session in sessions or mark in _environment(process.pid).split(b"\0"):
            found[process.pid] = process
    found.pop(os.getpid(), None)
    return list(found.values())


def working_for(programs: Mapping[str, str]) -> list[ProcessFacts]:
    """Find every live process that runs the given program in the given folder: ``programs`` maps folders to programs' names."""
    return [found for found in all_processes() if _program(found.pid) == programs.get(working_folder(found.pid), "-")]


def _program(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/exe").readlink().name
    except OSError:
        return ""


def in_session(session: int) -> list[ProcessFacts]:
    """Find every live process of one session."""
    return [found for found in all_processes() if found.session == session]


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal; a process that is already gone is no error."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def wait_until_gone(known: ProcessRecord, *, seconds: float, child: subprocess.Popen[bytes] | None = None) -> bool:
    """Wait for one process to end; reap it when it is our child. Returns whether it did."""
    deadline = time.monotonic() + seconds
    while is_alive(known):
        if child is not None:
            child.poll()
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    if child is not None:
        child.poll()
    return True


def end_all(processes: Sequence[ProcessFacts], *, patience_seconds: float = KILL_PATIENCE_SECONDS) -> None:
    """End processes that are left over: SIGTERM, then SIGKILL for what has not gone after ``patience_seconds``."""
    known = [ProcessRecord(found.pid, found.started_ticks, boot_id()) for found in processes]
    for number, seconds in ((signal.SIGTERM, patience_seconds), (signal.SIGKILL, KILL_PATIENCE_SECONDS)):
        left = [process for process in known if is_alive(process)]
        for process in left:
            send(process.pid, number)
        deadline = time.monotonic() + seconds
        for process in left:
            wait_until_gone(process, seconds=max(0.0, deadline - time.monotonic()))
