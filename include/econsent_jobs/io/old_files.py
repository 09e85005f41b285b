"""Files that nobody has written to for a while."""

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path


def older_files(folder: Path, *, before: datetime) -> Iterator[Path]:
    """Yield the plain files below ``folder`` that were last written before that moment. Links are not followed."""
    for place, _, files in os.walk(folder, followlinks=False):
        for name in files:
            path = Path(place, name)
            if not path.is_symlink() and path.stat().st_mtime < before.timestamp():
                yield path


def remove_older(folder: Path, *, days: int, now: datetime, most: int) -> int:
    """Remove up to ``most`` plain files below ``folder`` that were last written more than ``days`` ago. Returns how many went."""
    gone = 0
    for path in older_files(folder, before=now - timedelta(days=days)):
        if gone >= most:
            break
        path.unlink(missing_ok=True)
        gone += 1
    return gone
