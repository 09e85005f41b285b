"""``./econsent prove wallet_reconciliation``: no charge is lost and none made twice, whatever fails. See ``--help``."""

from econsent_stack.evidence import Evidence
from tests.prove.harness.full import prove
from tests.prove.wallets.proof import PROOF


def main(argv: list[str]) -> Evidence:
    return prove(PROOF, argv)
