"""Retention enforcement's proof: what it brings to the harness."""

from collections.abc import Generator
from contextlib import contextmanager
from random import Random
from typing import Final

from econsent_stack.servers.object_store import BUCKETS
from econsent_stack.stack import Stack
from tests.prove.harness.full import Proof
from tests.prove.harness.mutants import Rules
from tests.prove.retention.planted import PLANTED
from tests.prove.retention.real_side import history_on
from tests.prove.retention.stage import RetentionStage
from tests.prove.retention.world import open_world

RULES: Final = Rules(sources=("include/econsent_jobs/retention_enforcement/rules",), tests="tests/unit/retention_enforcement")


@contextmanager
def open_stage(stack: Stack) -> Generator[RetentionStage]:
    buckets = {"bucket": BUCKETS["archive"], "audit_bucket": BUCKETS["audit"]}
    with open_world(stack, database="econsent", efs=stack.home.efs, **buckets) as world:
        yield RetentionStage(world=world)


def prove_history(stage: RetentionStage, number: int, random: Random) -> list[str]:
    return history_on(stage.world, number=number, random=random)


PROOF: Final = Proof(
    job="retention_enforcement",
    words="What must go is gone and nothing else, with one tombstone: every call fails in every way, workers are killed, histories drawn.",
    planted=PLANTED,
    rules=RULES,
    model="tests.prove.retention.model_side",
    open_stage=open_stage,
    prove_history=prove_history,
)
