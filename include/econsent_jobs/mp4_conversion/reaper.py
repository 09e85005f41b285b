"""Clears up after one conversion, however that ends: ``reaper.py FOLDER``, in a session of its own.

1. Read from the standard input which process groups there are (``+NUMBER``), and which have ended (``-NUMBER``).
2. The input ends when the worker closes it, or when the worker is gone, also by SIGKILL: end every group that is left.
3. Remove the folder.

It runs by itself, before anything of the project can be imported.
"""

import contextlib
import os
import shutil
import signal
import sys
import time

PATIENCE_SECONDS = 5.0


def main(folder: str) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        (groups.add if line.startswith("+") else groups.discard)(int(line[1:]))
    for group in groups:
        end(group)
    until = time.monotonic() + PATIENCE_SECONDS
    while os.path.exists(folder) and time.monotonic() < until:  # noqa: PTH110  pathlib takes as long to import as all else together
        shutil.rmtree(folder, ignore_errors=True)  # again, while a process that was just ended still writes
        time.sleep(0.01)


def end(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1])
