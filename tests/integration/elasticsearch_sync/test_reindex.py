"""A reindex: readers see all or nothing of it, changes flow to both indices, and it can be killed anywhere."""

from collections.abc import Callable
from typing import Any

import pytest

from econsent_jobs.core.errors import PermanentError, TransientError
from econsent_jobs.core.limits import Limits
from econsent_jobs.elasticsearch_sync.index import ElasticIndex
from econsent_jobs.elasticsearch_sync.reindex import begin, fill, reindex, roll_back
from econsent_jobs.elasticsearch_sync.tools import Tools
from tests.integration.elasticsearch_sync import misbehaving

Run = Callable[..., Any]
MakeTools = Callable[..., Tools]
LIMITS = Limits(batch_size=7, run_seconds=60)


def states(world: Any) -> dict[str, str]:
    return dict(world.database.execute("SELECT state, index_name FROM econsent.search_targets").fetchall())


def test_readers_change_over_and_the_old_index_stays_current(world: Any, run: Run, make_tools: MakeTools) -> None:
    pks = world.certificates(20) + world.certificates(3, company_id="other")
    run()
    before = states(world)["live"]

    result = reindex(tools=make_tools(), limits=LIMITS)

    assert (result.changed, result.failed) == (23, 0)
    assert states(world) == {"live": f"{world.alias}-v1-000002", "rollback": before}
    assert world.shown() == pks
    world.revoke(pks[0])
    run()
    for index in states(world).values():
        assert world.stored(pks[0], index=index)["opt_out"]["revoke"] is True


def test_changes_while_it_is_built_reach_both(world: Any, run: Run, make_tools: MakeTools) -> None:
    pks = world.certificates(20)
    run()
    target = begin(make_tools())
    world.revoke(pks[0])
    world.change(pks[1], status="deleted")
    world.certificates(1)
    run()
    for pk in pks[:2]:
        assert world.stored(pk, index=target.index_name)["row_version"] == 2

    reindex(tools=make_tools(), limits=LIMITS)

    assert states(world)["live"] == target.index_name
    assert world.stored(pks[0])["opt_out"]["revoke"] is True
    assert world.stored(pks[1])["deleted"] is True
    assert world.shown() == [pks[0], *pks[2:], pks[-1] + 1]


def test_it_goes_on_where_it_was_stopped(world: Any, run: Run, make_tools: MakeTools) -> None:
    pks = world.certificates(20)
    run()
    tools = make_tools()
    target = begin(tools)
    with pytest.raises(TransientError, match="time is up after 7 documents"):
        fill(target, tools, page=7, deadline=StoppedClock(tools).after(1))
    assert world.row("SELECT built_through FROM econsent.search_targets WHERE state = 'building'") == (f"acme:{pks[6]}",)

    result = reindex(tools=make_tools(), limits=LIMITS)

    assert result.changed == 13
    assert world.shown() == pks


def test_a_page_that_was_not_taken_is_filled_again(world: Any, run: Run, make_tools: MakeTools, endpoint: str) -> None:
    pks = world.certificates(20)
    run()
    target = begin(make_tools())
    with misbehaving.proxy(endpoint, [misbehaving.gateway(502)]) as url, pytest.raises(TransientError, match="were not taken"):
        fill(target, make_tools(url=url), page=7, deadline=float("inf"))

    result = reindex(tools=make_tools(), limits=LIMITS)

    assert result.changed == 20
    assert world.shown() == pks
    assert world.row("SELECT drift_found FROM econsent.search_targets WHERE state = 'live'") == (0,), "nothing is left to the proof"


class StoppedClock:
    """A clock that stands until it was asked so many times, and then has passed every deadline."""

    def __init__(self, tools: Tools) -> None:
        self.left = 0
        object.__setattr__(tools, "clock", self)

    def after(self, calls: int) -> float:
        self.left = calls
        return 0.5

    def monotonic(self) -> float:
        self.left -= 1
        return 0.0 if self.left >= 0 else 1.0


def test_what_is_wrong_in_the_new_index_is_repaired_before_anybody_sees_it(world: Any, run: Run, make_tools: MakeTools) -> None:
    pks = world.certificates(20)
    run()
    tools = make_tools()
    target = begin(tools)
    fill(target, tools, page=7, deadline=float("inf"))
    stored = {
        **world.stored(pks[4], index=target.index_name),
        "origin": "https://evil.example",
        "projection_sha256": "f" * 64,
        "digest_part": 1,
    }
    version = stored.pop("_version")
    world.client.index(
        index=target.index_name, id=f"acme:{pks[4]}", routing="acme", document=stored, version=version, version_type="external_gte"
    )

    reindex(tools=make_tools(), limits=LIMITS)

    assert world.stored(pks[4]).get("origin") is None
    assert world.row("SELECT drift_kinds FROM econsent.search_targets WHERE state = 'live'") == ({"content": 1},)


def test_a_second_reindex_gives_the_oldest_index_up(world: Any, run: Run, make_tools: MakeTools) -> None:
    pks = world.certificates(3)
    for _ in range(2):
        reindex(tools=make_tools(), limits=LIMITS)

    assert states(world) == {"live": f"{world.alias}-v1-000003", "rollback": f"{world.alias}-v1-000002"}
    assert sorted(world.client.indices.get(index=f"{world.alias}-v*")) == sorted(states(world).values())
    assert world.shown() == pks


def test_killed_between_its_steps_it_is_finished_by_the_next(world: Any, run: Run, make_tools: MakeTools) -> None:
    """Cut off after the database changed over and before the aliases did: the sync itself points them right."""
    pks = world.certificates(3)
    run()
    tools = make_tools()
    target = begin(tools)
    fill(target, tools, page=7, deadline=float("inf"))
    with tools.store.transaction():
        tools.store.make_live(target.index_name)

    run()

    assert isinstance(tools.index, ElasticIndex)
    assert sorted(world.client.indices.get_alias(name=world.alias)) == [target.index_name]
    assert world.shown() == pks


def test_a_lost_index_that_was_kept_for_a_rollback_is_given_up(world: Any, run: Run, make_tools: MakeTools) -> None:
    """Filled anew it would be of no use: who goes back wants what readers saw before."""
    world.certificates(3)
    reindex(tools=make_tools(), limits=LIMITS)
    world.client.indices.delete(index=states(world)["rollback"])

    run()

    assert states(world) == {"live": f"{world.alias}-v1-000002"}
    assert sorted(world.client.indices.get(index=f"{world.alias}-v*")) == [states(world)["live"]]


def test_an_index_that_was_not_full_when_it_was_replaced_is_no_rollback(world: Any, run: Run, make_tools: MakeTools) -> None:
    """It was lost, and a reindex changed over before it was filled anew: who went back would find a part of the certificates."""
    world.certificates(3)
    reindex(tools=make_tools(), limits=LIMITS)
    tools = make_tools()
    tools.store.note_progress(states(world)["rollback"], "acme:1")

    with pytest.raises(PermanentError, match="No index is kept for a rollback"):
        roll_back(tools=tools)
    run()

    assert states(world) == {"live": f"{world.alias}-v1-000002"}
    assert sorted(world.client.indices.get(index=f"{world.alias}-v*")) == [states(world)["live"]]


def test_an_index_that_a_late_bulk_made_again_is_removed(world: Any, run: Run, make_tools: MakeTools) -> None:
    (pk,) = world.certificates()
    run()
    stored = {name: value for name, value in world.stored(pk).items() if name != "_version"}
    stray = f"{world.alias}-v1-000099"
    world.client.indices.create(index=stray)  # as the server does itself where it may
    world.client.index(index=stray, id=f"acme:{pk}", routing="acme", document=stored)
    world.client.indices.create(index=f"{world.alias}-v1-of-somebody")

    run()

    assert sorted(world.client.indices.get(index=f"{world.alias}-v*")) == [world.index_name(), f"{world.alias}-v1-of-somebody"]
