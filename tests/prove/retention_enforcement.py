"""``./econsent prove retention_enforcement``: what must go is gone, nothing else is, and the log proves both. See ``--help``."""

from econsent_stack.evidence import Evidence
from tests.prove.harness.full import prove
from tests.prove.retention.proof import PROOF


def main(argv: list[str]) -> Evidence:
    return prove(PROOF, argv)
