"""Many histories on a job's model, as a process of its own: one JSON object comes out.

``python -m tests.prove.harness.many MODULE FIRST COUNT``. The module named gives ``history(seed)``, which returns what it came to.
"""

import importlib
import json
import logging
import sys

from tests.prove.harness.histories import run_histories


def main(module: str, first: int, count: int) -> None:
    logging.getLogger().addHandler(logging.NullHandler())  # failing items are part of the histories
    told = run_histories(importlib.import_module(module).history, range(first, first + count))
    sys.stdout.write(json.dumps({"wrong": told.wrong, "finished": [told.finished[0], told.finished[1]], "steps": told.steps}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
