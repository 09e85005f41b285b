"""``./econsent watch``: the watch in the foreground, beside the one that ``./econsent up`` runs, for whom it then stands by."""

import importlib
from typing import Final

from econsent_stack.running import in_running_stack

HELP: Final = "watch the jobs, keep the audit trail and send alerts; up runs one already"


def main(argv: list[str]) -> int:
    # By name: the embedded servers' layer imports nothing of Airflow's.
    return in_running_stack(importlib.import_module("econsent_airflow.watch.__main__").main, argv)
