"""Certificate processing's proof: what it brings to the harness."""

from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from random import Random
from typing import Final

from econsent_jobs.certificate_processing.languages import LanguageDetector
from econsent_stack.stack import Stack
from tests.prove.certificates.histories import History
from tests.prove.certificates.planted import PLANTED
from tests.prove.certificates.real_side import RealSide
from tests.prove.certificates.stage import CertificateStage
from tests.prove.certificates.world import open_world
from tests.prove.harness.full import Proof
from tests.prove.harness.mutants import Rules

RULES: Final = Rules(
    sources=("include/econsent_jobs/certificate_processing/rules",),
    tests="tests/unit/certificate_processing",
    last=("test_languages.py", "test_recordings.py"),  # they take seconds, the others milliseconds
)


@contextmanager
def open_stage(stack: Stack) -> Generator[CertificateStage]:
    with open_world(stack, database="econsent", bucket="econsent-archive", efs=stack.home.efs) as world:
        yield CertificateStage(world=world)


@cache
def languages() -> LanguageDetector:
    """Its models load once for all histories."""
    return LanguageDetector()


def prove_history(stage: CertificateStage, number: int, random: Random) -> list[str]:
    with RealSide(stage.world, languages(), number=number) as side:
        return History(side, random).run().wrong


PROOF: Final = Proof(
    job="certificate_processing",
    words="Nothing is lost and nothing happens twice: every call fails in every way, workers are killed, histories are drawn at random.",
    planted=PLANTED,
    rules=RULES,
    model="tests.prove.certificates.model_side",
    open_stage=open_stage,
    prove_history=prove_history,
)
