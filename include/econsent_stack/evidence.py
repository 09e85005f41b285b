"""What a proof hands in, and where it is kept: ``docs/evidence/<stem>.json``, one JSON object."""

import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

from econsent_stack.files import write_whole
from econsent_stack.project import ROOT


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Counts of one proof. ``histories``: those on the real servers; of a rule that has none, those that were told by it and by its oracle.

    ``lost``, ``duplicated`` and ``wrong`` are items and ought to be 0.
    """

    job: str
    seed: int
    kills: int = 0
    histories: int = 0
    fault_points: int = 0
    mutants: int = 0
    mutants_killed: int = 0
    lost: int = 0
    duplicated: int = 0
    wrong: int = 0
    seconds: float = 0.0
    full: bool = True
    """Whether the full counts were run: a smaller run is no evidence."""

    @property
    def holds(self) -> bool:
        """Whether the job is proven: nothing lost, twice or wrong, and every planted bug found."""
        return self.lost == self.duplicated == self.wrong == 0 and self.mutants_killed == self.mutants


def write_evidence(evidence: Evidence, folder: Path) -> str:
    """Keep full evidence with the commit and machine it was gathered on; return the line of any, without those."""
    counts = {name: value for name, value in asdict(evidence).items() if name != "full"}
    if evidence.full:
        folder.mkdir(parents=True, exist_ok=True)
        machine = f"{platform.machine()}, {os.cpu_count()} processors, Linux {platform.release()}"
        kept = {**counts, "commit": commit(), "machine": machine}
        write_whole(folder / f"{evidence.job}.json", json.dumps(kept, indent=2) + "\n", mode=0o644)
    return json.dumps(counts)


def commit() -> str:
    """The commit that is checked out, with ``+`` when files differ from it; ``unknown`` in a copy that is no repository."""
    command = ["git", "describe", "--always", "--dirty=+", "--abbrev=40"]
    asked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return asked.stdout.strip() or "unknown"
