"""Many documents tampered with among far more: all are repaired, no healthy one is rewritten, and little is transferred."""

from collections import Counter
from itertools import cycle, islice
from typing import Any, Final

import psycopg
from elasticsearch import Elasticsearch

from econsent_jobs.core.clock import SystemClock
from econsent_jobs.core.limits import Limits
from econsent_jobs.elasticsearch_sync import sync_search
from econsent_jobs.elasticsearch_sync.drift import prove
from econsent_jobs.elasticsearch_sync.index import ElasticIndex
from econsent_jobs.elasticsearch_sync.job import drain, ensure_live_index
from econsent_jobs.elasticsearch_sync.model import Settings
from econsent_jobs.elasticsearch_sync.store import PostgresStore
from econsent_jobs.elasticsearch_sync.tools import Tools
from econsent_jobs.io.search_index import SearchIndex
from tests.prove.search.platform import Platform
from tests.prove.search.tampering import Counting, plant
from tests.prove.search.world import World

CERTIFICATES, FAULTS = 100_000, 1_000
SEEN_BYTES: Final = 0.05
MIX: Final = ("content", "content", "content", "stale", "newer", "phantom", "misrouted", "stale", "phantom", "misrouted")
"""Three in ten are wrong in their content alone. A document that is simply gone is planted by itself: the server has to forget it first."""
MISSING: Final = 20
LIMITS: Final = Limits(batch_size=1_000, run_seconds=480)


def prove_repair(world: World, *, certificates: int = CERTIFICATES, faults: int = FAULTS) -> list[str]:
    """Return what is wrong after one round of proof and one run, in sentences."""
    platform = world.begin("case-repair")
    settings = world.settings(platform.alias)
    with psycopg.connect(world.direct.database, autocommit=True) as database:
        tools = counting_tools(database, world.client, settings)
        pks = platform.certificates(certificates, company_id="case-a")
        ensure_live_index(tools)
        drain(tools, LIMITS, deadline=float("inf"))
        planted = dict(zip(pks[:: certificates // faults], islice(cycle(MIX), faults), strict=False))
        for place, (pk, kind) in enumerate(list(planted.items())):
            planted[pk] = "missing" if place % (faults // MISSING) == 0 else kind
            plant(platform, planted[pk], pk, company_id="case-a")
        return judge(platform, tools, pks, planted)


def counting_tools(database: psycopg.Connection[Any], client: Elasticsearch, settings: Settings) -> Tools:
    clock = SystemClock()
    return Tools(store=PostgresStore(database), index=ElasticIndex(Counting(client), settings, clock), settings=settings, clock=clock)


def judge(platform: Platform, tools: Tools, pks: list[int], planted: dict[int, str]) -> list[str]:
    index = tools.index
    assert isinstance(index, ElasticIndex)
    search = index._search
    assert isinstance(search, Counting)
    some = [platform.stored(pk, company_id="case-a") for pk in pks[1:100]]
    stored = sum(len(str(each)) for each in some) / len(some) * len(pks)
    (target,) = tools.store.targets()
    search.received = 0
    report = prove(target, tools, most=None, deadline=float("inf"))
    received = search.received
    sync_search(tools=tools, limits=LIMITS)
    wrong: list[str] = []
    if dict(report.kinds) != dict(Counter(planted.values())):
        wrong.append(f"found {dict(report.kinds)} instead of {dict(Counter(planted.values()))}")
    if received > SEEN_BYTES * stored:
        wrong.append(f"{received / stored:.3f} of the documents' bytes were transferred")
    return wrong + rewritten(platform, pks, planted)


def rewritten(platform: Platform, pks: list[int], planted: dict[int, str]) -> list[str]:
    """Say which documents are not what they should be: healthy ones stay as they were, each other one is shown again or hidden."""
    search, index_name = SearchIndex(platform.client), platform.index_name()
    search.refresh(index_name)
    versions: dict[int, int] = {}
    body: dict[str, Any] = {"size": 10_000, "version": True, "_source": False, "sort": ["certificate_pk"]}
    body["query"] = {"term": {"deleted": False}}
    while hits := search.search(index_name, body)["hits"]["hits"]:
        versions |= {hit["sort"][0]: hit["_version"] for hit in hits}
        body["search_after"] = hits[-1]["sort"]
    wanted = [pk for pk in pks if planted.get(pk) != "phantom"]
    healthy = [pk for pk in wanted if pk not in planted and versions.get(pk) != 1]
    wrong = [f"{len(healthy)} healthy documents were rewritten or are gone"] if healthy else []
    return wrong if sorted(versions) == wanted else [*wrong, "what is shown is not what is to be shown"]
