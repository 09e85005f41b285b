"""``./econsent prove webhook_delivery_retry``: nothing is lost, whatever fails, and what comes twice has one id. See ``--help``."""

from econsent_stack.evidence import Evidence
from tests.prove.harness.full import prove
from tests.prove.webhooks.proof import PROOF


def main(argv: list[str]) -> Evidence:
    return prove(PROOF, argv)
