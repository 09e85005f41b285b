"""Webhook delivery's proof: what it brings to the harness."""

from collections.abc import Generator
from contextlib import contextmanager
from random import Random
from typing import Final

from econsent_stack.stack import Stack
from tests.prove.harness.full import Proof
from tests.prove.harness.mutants import Rules
from tests.prove.webhooks.planted import PLANTED
from tests.prove.webhooks.real_side import history_on
from tests.prove.webhooks.stage import WebhookStage
from tests.prove.webhooks.world import open_world

RULES: Final = Rules(sources=("include/econsent_jobs/webhook_delivery_retry/rules",), tests="tests/unit/webhook_delivery_retry")


@contextmanager
def open_stage(stack: Stack) -> Generator[WebhookStage]:
    with open_world(stack, database="econsent") as world:
        yield WebhookStage(world=world)


def prove_history(stage: WebhookStage, number: int, random: Random) -> list[str]:
    return history_on(stage.world, number=number, random=random)


PROOF: Final = Proof(
    job="webhook_delivery_retry",
    words="Nothing is lost: every call at PostgreSQL and at receivers fails in every way, workers are killed, histories are drawn.",
    planted=PLANTED,
    rules=RULES,
    model="tests.prove.webhooks.model_side",
    open_stage=open_stage,
    prove_history=prove_history,
)
