"""``./econsent bench NAME``: measure a job against its physical limit, in the same run. A benchmark is ``tests/benchmarks/<name>.py``."""

from typing import Final

from econsent_stack.named import load_main, show
from econsent_stack.project import ROOT

HELP: Final = "measure a job against its physical limit in the same run: bench NAME --json"
WHAT: Final = "Measures NAME and its limit, alternating in one run. With --json the last line is one JSON object."
FOLDER: Final = ROOT / "tests" / "benchmarks"


def main(argv: list[str]) -> int:
    if not argv or argv[0] in ("-h", "--help"):
        return show(FOLDER, command="bench", what=WHAT)
    return load_main(FOLDER, argv[0], kind="benchmark")(argv[1:])
