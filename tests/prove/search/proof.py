"""The search sync's proof: what it brings to the harness."""

from collections.abc import Generator
from contextlib import contextmanager
from random import Random
from typing import Final

from econsent_stack.stack import Stack
from tests.prove.harness.full import Further, Proof
from tests.prove.harness.mutants import Rules
from tests.prove.search.planted import PLANTED
from tests.prove.search.real_side import history_on
from tests.prove.search.reindexes import prove_reindex
from tests.prove.search.stage import SearchStage
from tests.prove.search.tampered import prove_repair
from tests.prove.search.world import open_world

RULES: Final = Rules(sources=("include/econsent_jobs/elasticsearch_sync/rules",), tests="tests/unit/elasticsearch_sync")


@contextmanager
def open_stage(stack: Stack) -> Generator[SearchStage]:
    with open_world(stack, database="econsent") as world:
        world.begin("case-1")
        yield SearchStage(world=world)


def prove_history(stage: SearchStage, number: int, random: Random) -> list[str]:
    return history_on(stage.world, number=number, random=random)


PROOF: Final = Proof(
    job="elasticsearch_sync",
    words="The index equals the database in the end: every call fails in every way, workers are killed, histories are drawn at random,\n"
    "reindexes are cut off anywhere, and 1,000 of 100,000 documents are tampered with.",
    planted=PLANTED,
    rules=RULES,
    model="tests.prove.search.model_side",
    open_stage=open_stage,
    prove_history=prove_history,
    further=(
        Further(phase="reindexes", units=100, prove=lambda stage, place: prove_reindex(stage.world, place)),
        Further(phase="repairs", units=1, prove=lambda stage, _: prove_repair(stage.world)),
    ),
)
