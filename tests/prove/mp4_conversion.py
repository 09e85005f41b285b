"""``./econsent prove mp4_conversion``: one video a recording, whatever fails, and nothing outlives its making. See ``--help``."""

from econsent_stack.evidence import Evidence
from tests.prove.harness.full import prove
from tests.prove.videos.proof import PROOF


def main(argv: list[str]) -> Evidence:
    return prove(PROOF, argv)
