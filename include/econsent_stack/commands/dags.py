"""``./econsent dags …``: Airflow's own ``airflow dags …`` in the stack's environment."""

import os
import sys
from typing import Final

from econsent_stack.project import ROOT
from econsent_stack.running import running_stack

HELP: Final = "Airflow's own `airflow dags`, for example: dags test certificate_processing"


def main(argv: list[str]) -> int:
    environment = running_stack().environment()
    os.chdir(ROOT)
    os.execve(sys.executable, [sys.executable, "-m", "airflow", "dags", *argv], environment)  # noqa: S606 Airflow takes over
