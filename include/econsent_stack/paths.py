"""Where the stack keeps what: one state folder, ``$ECONSENT_HOME`` or ``.econsent`` beside the project's README."""

import os
from dataclasses import dataclass
from pathlib import Path

from econsent_stack.project import ROOT


@dataclass(frozen=True, slots=True)
class Home:
    """The state folder. Everything the stack writes lies below ``path``, so that deleting it is a fresh start."""

    path: Path

    @property
    def state_file(self) -> Path:
        return self.path / "state.json"

    @property
    def secrets_file(self) -> Path:
        return self.path / "secrets.json"

    @property
    def lock_file(self) -> Path:
        return self.path / "up.lock"

    @property
    def efs(self) -> Path:
        """What stands for the platform's EFS: recordings below ``{companyId}/{propertyId}/``."""
        return self.path / "efs"

    @property
    def airflow(self) -> Path:
        return self.path / "airflow"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def server(self, name: str) -> Path:
        """The data folder of one server."""
        return self.path / name

    def make(self) -> None:
        """Make the folders. ``path`` itself may be passed through but not listed by others: PostgreSQL may run as another user."""
        self.path.mkdir(parents=True, exist_ok=True)
        self.path.chmod(0o711)
        for folder in (self.efs, self.airflow, self.logs):
            folder.mkdir(exist_ok=True)
            folder.chmod(0o700)


def chosen_home() -> Home:
    """The state folder that commands use: ``$ECONSENT_HOME``, else ``.econsent`` in the project."""
    return Home(Path(os.environ.get("ECONSENT_HOME") or ROOT / ".econsent").expanduser().resolve())
