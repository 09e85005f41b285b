"""``./econsent prove certificate_processing``: nothing is lost, nothing happens twice, whatever fails. See ``--help``."""

from econsent_stack.evidence import Evidence
from tests.prove.certificates.proof import PROOF
from tests.prove.harness.full import prove


def main(argv: list[str]) -> Evidence:
    return prove(PROOF, argv)
