"""``./econsent prove elasticsearch_sync``: the index equals the database in the end, whatever fails. See ``--help``."""

import sys

from econsent_stack.evidence import Evidence
from econsent_stack.project import ROOT


def main(argv: list[str]) -> Evidence:
    sys.path.insert(0, str(ROOT))  # the proof's own modules lie below tests, which is no installed package
    from tests.prove.harness.full import prove
    from tests.prove.search.proof import PROOF

    return prove(PROOF, argv)
