"""A reindex that is cut off at a random call while the platform writes, then again, until one comes through."""

import signal
from random import Random
from typing import Final

from tests.prove.harness.faults import wait_until
from tests.prove.search.platform import Platform
from tests.prove.search.world import World
from tests.prove.wire.switchboard import Mode, Strike

CERTIFICATES: Final = 12
MOST_TRIES: Final = 6
WAYS: Final = (Mode.REFUSED, Mode.LOST, Mode.KILLED_BEFORE, Mode.KILLED_AFTER)


def prove_reindex(world: World, place: int) -> list[str]:
    """Return what is wrong after a reindex that was cut off one to three times, in sentences."""
    random = Random(place)
    platform = world.begin(f"case-r{place}")
    companies = sorted(platform.companies)
    pks = [(company, pk) for company in companies for pk in platform.certificates(CERTIFICATES // 2, company_id=company)]
    sync, errand = world.direct.told(), {**world.proxied.told(), "job": "reindex", "batch_size": 4}
    wrong: list[str] = []
    if place % 3:
        world.nursery.run(sync)  # every third reindex is the first thing that ever happens to an index
    calls = random.randrange(1, 140)
    for _ in range(random.randrange(1, 4)):
        cut_off(world, errand, call=calls, way=random.choice(WAYS))
        calls = random.randrange(1, 140)
        write(platform, random.choice(pks), random)
        if random.random() < 0.5:
            world.work_is_due()
            wrong += broken(world.nursery.run(sync))
    world.switchboard.expect(None)
    for _ in range(MOST_TRIES):
        world.work_is_due()
        ended = world.nursery.run(errand)
        if ended.report is not None and "raised" not in ended.report:
            break
    wrong += broken(ended)
    world.work_is_due()
    wrong += broken(world.nursery.run(sync))
    states = sorted(row["state"] for row in world.rows("SELECT state FROM econsent.search_targets"))
    if states not in (["live"], ["live", "rollback"]) or world.rows("SELECT doc_key FROM econsent.search_outbox"):
        wrong.append(f"it ended with the indices {states}, or something waits")
    return [f"reindex {place}: {sentence}" for sentence in [*wrong, *world.verify(world.direct.alias).findings]]


def cut_off(world: World, errand: dict[str, object], *, call: int, way: Mode) -> None:
    """Let a worker's ``call``-th call fail; one that makes fewer of them comes through."""
    strike = Strike(number=call, mode=way)
    world.switchboard.expect(strike)
    pid = world.nursery.start(errand)
    strike.victim.set_result(pid)
    wait_until(lambda: world.nursery.has_ended(pid))
    world.nursery.wait(pid)


def write(platform: Platform, key: tuple[str, int], random: Random) -> None:
    company, pk = key
    match random.choice(("revoke", "name", "expire", "add")):
        case "revoke":
            platform.revoke(pk, company_id=company)
        case "name":
            platform.change(pk, company_id=company, consumer_name=f"Ann {random.randrange(1_000)}")
        case "expire":
            platform.change(pk, company_id=company, status="expired")
        case _:
            platform.certificates(1, company_id=company)


def broken(ended: object) -> list[str]:
    """Say that a worker whom nothing befell did not end in order."""
    report = getattr(ended, "report", None)
    code = getattr(ended, "code", -signal.SIGKILL)
    return [] if code == 0 and report is not None and "raised" not in report else [f"a run without faults ended with {ended}"]
