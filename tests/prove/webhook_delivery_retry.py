"""``./econsent prove webhook_delivery_retry``: nothing is lost, whatever fails, and what comes twice has one id. See ``--help``."""

import sys

from econsent_stack.evidence import Evidence
from econsent_stack.project import ROOT


def main(argv: list[str]) -> Evidence:
    sys.path.insert(0, str(ROOT))  # the proof's own modules lie below tests, which is no installed package
    from tests.prove.harness.full import prove
    from tests.prove.webhooks.proof import PROOF

    return prove(PROOF, argv)
