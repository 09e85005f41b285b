"""What a conversion has started and not ended, seen from outside."""

import os
from pathlib import Path
from typing import NamedTuple


class Started(NamedTuple):
    """A process that was started for a conversion. ``words``: its command line."""

    pid: int
    words: list[str]

    @property
    def kind(self) -> str:
        if "ffmpeg" in self.words[0]:
            return "ffmpeg"
        return "chromium" if any("chromium" in word for word in self.words) else "other"

    @property
    def is_browser(self) -> bool:
        """Whether it is a browser itself, and none of the processes that it starts."""
        spoken = " ".join(self.words)
        return "profile-" in spoken and "--type=" not in spoken


def working_in(folder: Path) -> list[Started]:
    """Return the processes whose working folder lies in ``folder``."""
    found: list[Started] = []
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
            at = Path(f"/proc/{pid}/cwd").readlink()
        except OSError:
            continue
        if at.is_relative_to(folder):
            found.append(Started(int(pid), words))
    return found
