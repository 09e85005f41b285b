"""Many histories on the model, as a process of its own: ``python -m tests.prove.certificates.many FIRST COUNT``, one JSON object out."""

import json
import logging
import sys

from tests.prove.certificates.histories import run_histories
from tests.prove.certificates.model_side import ModelSide


def main(first: int, count: int) -> None:
    logging.getLogger().addHandler(logging.NullHandler())  # failing certificates are part of the histories
    told = run_histories(ModelSide, range(first, first + count))
    sys.stdout.write(json.dumps({"wrong": told.wrong, "finished": [told.finished[0], told.finished[1]], "steps": told.steps}) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
