"""Files that are removed by age."""

import os
from datetime import datetime, timedelta
from pathlib import Path


def remove_older(folder: Path, *, days: int, now: datetime, most: int) -> int:
    """Remove up to ``most`` plain files below ``folder`` that were last written more than ``days`` ago.

    Links are not followed. Returns how many went.
    """
    before, gone = (now - timedelta(days=days)).timestamp(), 0
    for place, _, files in os.walk(folder, followlinks=False):
        for name in files:
            path = Path(place, name)
            if gone < most and not path.is_symlink() and path.stat().st_mtime < before:
                path.unlink(missing_ok=True)
                gone += 1
    return gone
