"""``./econsent prove elasticsearch_sync``: the index equals the database in the end, whatever fails. See ``--help``."""

from econsent_stack.evidence import Evidence
from tests.prove.harness.full import prove
from tests.prove.search.proof import PROOF


def main(argv: list[str]) -> Evidence:
    return prove(PROOF, argv)
