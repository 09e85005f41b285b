"""A warmed parent whose children may be killed: everything costly is loaded once, and each worker is a fork of it.

Runs as a process of its own with one thread, because a process with threads must not be forked::

    python -m tests.prove.wire.nursery tests.prove.<part>.worker

One JSON object a line comes in, one goes out. The module named gives ``warm(setting)``, called once, and ``work(warmed, errand)``,
called in each child; what it returns is the child's report.
"""

import importlib
import json
import os
import select
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Any, Final, Self

from econsent_stack.project import ROOT

PATIENCE_SECONDS: Final = 90.0

Work = Callable[[Any, dict[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a worker ended: its exit code, negative for a signal, and its report, None when it could not write one."""

    code: int
    report: Mapping[str, Any] | None


class Nursery:
    """The parent as seen from a test. A context manager; leaving it ends the parent and every worker that is left."""

    def __init__(self, worker_module: str, setting: Mapping[str, Any]) -> None:
        self._parent = subprocess.Popen(
            [sys.executable, "-m", __name__, worker_module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        self._setting = setting

    def __enter__(self) -> Self:
        self._ask(self._setting)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._pipe(self._parent.stdin).close()
        self._parent.wait(PATIENCE_SECONDS)
        self._pipe(self._parent.stdout).close()

    def start(self, errand: Mapping[str, Any]) -> int:
        """Fork a worker and return its pid."""
        return self._ask({"start": errand})["pid"]

    def has_ended(self, pid: int) -> bool:
        return self._ask({"poll": pid})["ended"]

    def wait(self, pid: int, *, seconds: float = PATIENCE_SECONDS) -> Ended:
        """Wait for a worker's end. One that takes longer than ``seconds`` is killed, which its code then shows."""
        return Ended(**self._ask({"wait": pid, "seconds": seconds}))

    def run(self, errand: Mapping[str, Any]) -> Ended:
        return self.wait(self.start(errand))

    def _ask(self, question: Mapping[str, Any]) -> Any:
        pipe = self._pipe(self._parent.stdin)
        pipe.write(json.dumps(question) + "\n")
        pipe.flush()
        answer = self._pipe(self._parent.stdout).readline()
        assert answer, f"the parent of the workers ended with {self._parent.wait()}"
        return json.loads(answer)

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        assert pipe is not None
        return pipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """One worker as its parent knows it: a handle to wait on, and where its report comes in."""

    handle: int
    report: int


def main(worker_module: str) -> None:
    module = importlib.import_module(worker_module)
    warmed = module.warm(json.loads(sys.stdin.readline()))
    children: dict[int, Child] = {}
    tell({})
    for line in sys.stdin:
        question = json.loads(line)
        if "start" in question:
            pid = fork(module.work, warmed, question["start"], children)
            tell({"pid": pid})
        elif "poll" in question:
            tell({"ended": is_over(children[question["poll"]], seconds=0)})
        else:
            tell(end_of(question["wait"], children.pop(question["wait"]), seconds=question["seconds"]))
    for pid, child in children.items():
        end_of(pid, child, seconds=0)


def tell(answer: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def fork(work: Work, warmed: Any, errand: dict[str, Any], children: dict[int, Child]) -> int:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        children[pid] = Child(handle=os.pidfd_open(pid), report=reading)
        return pid
    code = 1
    try:
        # the parent's answers go through standard output: a child must not be able to write there
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        os.dup2(2, 1)
        os.write(writing, json.dumps(work(warmed, errand)).encode())
        code = 0
    except BaseException:  # noqa: BLE001 a child ends here whatever happened, and its parent's code must not go on in it
        traceback.print_exc()
    finally:
        os._exit(code)


def is_over(child: Child, *, seconds: float) -> bool:
    return bool(select.select([child.handle], [], [], seconds)[0])


def end_of(pid: int, child: Child, *, seconds: float) -> dict[str, Any]:
    """Wait for a worker, or end it when its time is over."""
    if not is_over(child, seconds=seconds):
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    report = b""
    while block := os.read(child.report, 65_536):
        report += block
    os.close(child.report)
    os.close(child.handle)
    return {"code": os.waitstatus_to_exitcode(status), "report": json.loads(report) if report else None}


if __name__ == "__main__":
    main(sys.argv[1])
