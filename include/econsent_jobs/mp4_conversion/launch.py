"""Starts a program of a conversion, and is it from then on: ``launch.py PARENT NICE READ WRITE PROGRAM ARGUMENT…``.

1. Ask the kernel to end the program with whoever started it; some ways of starting lose that, so ``reaper.py`` watches too. Where process
   PARENT was killed before that, the reaper may not know of this one: end.
2. Give the program READ and WRITE, two open files, as numbers 3 and 4, where Chromium looks for whom it obeys. ``-`` for none.
3. Become the program. It runs by itself, before anything of the project can be imported.
"""

import ctypes
import fcntl
import os
import signal
import sys

SET_PARENT_DEATH_SIGNAL = 1


def main(words: list[str]) -> None:
    parent, nice, read, write, program, *arguments = words
    ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != int(parent):
        return
    os.nice(int(nice))
    if read != "-":
        spares = [fcntl.fcntl(int(end), fcntl.F_DUPFD, 10) for end in (read, write)]  # out of the way: either may be number 3 or 4 itself
        for place, spare in enumerate(spares, start=3):
            os.dup2(spare, place)
            os.close(spare)
    os.execvp(program, [program, *arguments])  # noqa: S606 this process is the program from here


if __name__ == "__main__":
    main(sys.argv[1:])
