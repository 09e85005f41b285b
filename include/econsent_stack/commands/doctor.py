"""``./econsent doctor``: what runs where, what is missing, and the command that mends it. Works with and without a running stack."""

import argparse
import platform
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from econsent_jobs.core.errors import PermanentError
from econsent_jobs.io.processes import memory_bytes
from econsent_jobs.mp4_conversion import replayer
from econsent_jobs.mp4_conversion.conversion import ffmpeg_version
from econsent_jobs.mp4_conversion.programs import find_programs
from econsent_stack import airflow_settings, components
from econsent_stack.chromium import CHOSEN, CHOSEN_FFMPEG, CHOSEN_FFPROBE, SHARED, place, video_programs
from econsent_stack.errors import StackError
from econsent_stack.paths import chosen_home
from econsent_stack.process import is_alive
from econsent_stack.stack import Stack, free_bytes

HELP: Final = "what runs where, versions and memory; what is missing and the command that mends it"
NEEDED_BYTES: Final = 1024**3


def main(argv: list[str]) -> int:
    argparse.ArgumentParser(prog="./econsent doctor", description=HELP).parse_args(argv)
    stack = Stack(chosen_home().path)
    trouble = list(find_trouble(stack))
    lines = [*machine(stack), "", *servers(stack), *video_tools(), "", *processes(stack), ""]
    lines += [f"  ! {sentence}" for sentence in trouble] or ["  Nothing is missing."]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if trouble else 0


def machine(stack: Stack) -> Iterator[str]:
    """What it all stands on."""
    yield f"  machine        {platform.machine()}, {platform.system()} {platform.release()}"
    yield f"  Python         {platform.python_version()} at {sys.executable}"
    yield f"  Airflow        {version('apache-airflow-core')}"
    yield f"  state folder   {stack.home.path}, {free_bytes(nearest(stack.home.path)) // 1024**2} MB free"


def servers(stack: Stack) -> Iterator[str]:
    """Each server's version and ports."""
    for server in stack.servers:
        ports = ", ".join(f"{name} {stack.state.ports.get(f'{server.name}.{name}', '?')}" for name in server.port_names)
        where = f"ports on 127.0.0.1: {ports}" if stack.state.ports else "ports are chosen at the first start"
        yield f"  {server.name:<14} {version_or_trouble(server.version)}; {where}"
    if port := stack.state.ports.get(airflow_settings.PORT):
        yield f"  web page       http://127.0.0.1:{port}"


def video_tools() -> Iterator[str]:
    """What videos are made with, and where it comes from."""
    if not is_fetched():
        yield "  videos         browser and replayer are fetched by the first ./econsent up (64 MB)"
        return
    try:
        programs = find_programs(video_programs())
        replayer.read_bundle(programs.replayer)
    except PermanentError as error:
        yield f"  videos         cannot be made: {error.reason}"
        return
    browser = "the browser of its package" if programs.variables else f"the browser {programs.chromium}"
    yield f"  videos         {browser}, @rrweb/replay {replayer.VERSION}, ffmpeg {ffmpeg_version(programs.ffmpeg)} at {programs.ffmpeg}"


def is_fetched() -> bool:
    return place(SHARED).exists()


def processes(stack: Stack) -> Iterator[str]:
    """What of the stack runs, with its share of memory."""
    if not stack.is_running():
        yield "  eConsent does not run; start it with ./econsent up"
        return
    assert stack.state.supervisor is not None
    yield f"  supervisor     pid {stack.state.supervisor.pid}"
    health = components.read_health(stack.state.ports[airflow_settings.PORT])
    for name, known in stack.state.processes.items():
        members = stack.members(name)
        state = "runs" if is_alive(known) else "is down, and is started again"
        if name in components.HEALTH_KEYS:
            part: dict[str, Any] = health.get(components.HEALTH_KEYS[name]) or {}
            state += f", {part.get('status') or 'not healthy yet'}"
        megabytes = sum(memory_bytes(found.pid) for found in members) // 1024**2
        yield f"  {name:<14} pid {known.pid}, {len(members)} processes, {megabytes} MB, {state}"


def find_trouble(stack: Stack) -> Iterator[str]:
    """One sentence for everything that a person has to mend."""
    for server in stack.servers:
        try:
            server.version()
        except StackError as error:
            yield str(error)
    try:
        if is_fetched():
            replayer.read_bundle(find_programs(video_programs()).replayer)
    except PermanentError as error:
        chosen = f"{CHOSEN}, {CHOSEN_FFMPEG} and {CHOSEN_FFPROBE}"
        yield f"Videos cannot be made ({error.reason}): name other programs by {chosen}, or delete {SHARED.path} to have them fetched."
    if free_bytes(nearest(stack.home.path)) < NEEDED_BYTES:
        yield f"Less than 1024 MB are free on the disk of {stack.home.path}: free some."
    if stack.home.secrets_file.exists() and stack.home.secrets_file.stat().st_mode & 0o077:
        yield f"Others may read the secrets: chmod 600 {stack.home.secrets_file}"
    if not stack.is_running() and stack.left_over():
        yield "Processes of an earlier run are still there: ./econsent down"


def version_or_trouble(read: Callable[[], str]) -> str:
    try:
        return read()
    except StackError:
        return "cannot run"


def nearest(path: Path) -> Path:
    """The path, or the nearest folder above it that exists."""
    return next(folder for folder in (path, *path.parents) if folder.exists())
