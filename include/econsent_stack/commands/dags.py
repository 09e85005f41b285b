"""``./econsent dags …``: Airflow's own ``airflow dags …`` in the stack's environment."""

import os
import sys
from typing import Final

from econsent_stack.fleet import variables_of
from econsent_stack.project import ROOT
from econsent_stack.running import running_stack
from econsent_stack.stack import bare_environment

HELP: Final = "Airflow's own `airflow dags`, for example: dags test certificate_processing"


def main(argv: list[str]) -> int:
    environment = {**bare_environment(), **variables_of(running_stack())}
    os.chdir(ROOT)
    os.execve(sys.executable, [sys.executable, "-m", "airflow", "dags", *argv], environment)  # noqa: S606 Airflow takes over
