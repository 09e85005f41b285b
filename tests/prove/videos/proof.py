"""MP4 conversion's proof: what it brings to the harness."""

from collections.abc import Generator
from contextlib import contextmanager
from random import Random
from typing import Final

from econsent_stack.servers.object_store import BUCKETS
from econsent_stack.stack import Stack
from tests.prove.harness.full import Further, Proof
from tests.prove.harness.mutants import Rules
from tests.prove.videos.planted import PLANTED
from tests.prove.videos.programs import prove_program
from tests.prove.videos.real_side import history_on
from tests.prove.videos.stage import VideoStage
from tests.prove.videos.world import open_world

PROGRAMS: Final = 100
PROGRAM_NUMBERS: Final = 70_000  # beside those that the harness gives
RULES: Final = Rules(sources=("include/econsent_jobs/mp4_conversion/rules",), tests="tests/unit/mp4_conversion")


@contextmanager
def open_stage(stack: Stack) -> Generator[VideoStage]:
    work = stack.home.path / "conversions"
    with open_world(stack, database="econsent", bucket=BUCKETS["archive"], efs=stack.home.efs, work=work) as world:
        yield VideoStage(world=world)


def prove_history(stage: VideoStage, number: int, random: Random) -> list[str]:
    return history_on(stage.world, number=number, random=random)


def prove_programs(stage: VideoStage, place: int) -> list[str]:
    _, wrong = prove_program(stage, number=PROGRAM_NUMBERS + place, place=place)
    return wrong


PROOF: Final = Proof(
    job="mp4_conversion",
    words="One video a recording, and nothing outlives its making: every call fails in every way, workers and browsers are killed.",
    planted=PLANTED,
    rules=RULES,
    model="tests.prove.videos.model_side",
    open_stage=open_stage,
    prove_history=prove_history,
    further=(Further(phase="programs", units=PROGRAMS, prove=prove_programs),),
)
