"""``./econsent prove STEM``: the full counts of a job's proof, kept in ``docs/evidence/<stem>.json``.

A proof is ``tests/prove/<stem>.py`` with ``main(argv: list[str]) -> Evidence``. It takes ``--seed``, and may be stopped and resumed.
"""

import sys
from typing import Final

from econsent_stack.evidence import Evidence, write_evidence
from econsent_stack.named import load_main, show
from econsent_stack.project import ROOT

HELP: Final = "the full proof of a job (kills, faults, histories, planted bugs), kept in docs/evidence: prove STEM"
WHAT: Final = "Runs the whole proof of the job NAME. The last line is one JSON object; ends with 1 when it does not hold."
FOLDER: Final = ROOT / "tests" / "prove"


def main(argv: list[str]) -> int:
    if not argv or argv[0] in ("-h", "--help"):
        return show(FOLDER, command="prove", what=WHAT)
    evidence = load_main(FOLDER, argv[0], kind="proof")(argv[1:])
    assert isinstance(evidence, Evidence), f"tests/prove/{argv[0]}.py must return Evidence"
    sys.stdout.write(write_evidence(evidence, ROOT / "docs" / "evidence") + "\n")
    if not evidence.full:
        sys.stderr.write("These were not the full counts, so docs/evidence stays as it was.\n")
    return 0 if evidence.holds else 1
