"""``./econsent search``: what a person is told, and that no search can leave its company."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from econsent_jobs.core.limits import Limits
from econsent_jobs.elasticsearch_sync.commands import ALIAS, DATABASE, SEARCH, search
from econsent_jobs.elasticsearch_sync.queries import for_company
from econsent_jobs.elasticsearch_sync.reindex import reindex
from econsent_jobs.elasticsearch_sync.tools import Tools
from econsent_stack.servers import elasticsearch
from econsent_stack.stack import Stack

Run = Callable[..., Any]
Told = tuple[int, str, str]


@pytest.fixture
def told(stack: Stack, database: Any, world: Any, capsys: pytest.CaptureFixture[str]) -> Callable[..., Told]:
    """Run the command; returns exit code, output and errors."""
    connection = json.loads(stack.variables()["AIRFLOW_CONN_ECONSENT_ELASTICSEARCH_SYNC_DATABASE"])
    environment = {
        DATABASE: json.dumps(connection | {"schema": database.info.dbname}),
        SEARCH: stack.variables()["AIRFLOW_CONN_ECONSENT_SEARCH"],
        ALIAS: world.alias,
    }

    def told(*words: str) -> Told:
        code = search(list(words), environment)
        said = capsys.readouterr()
        return code, said.out, said.err

    return told


def test_status(told: Callable[..., Told], world: Any, run: Run) -> None:
    world.certificates(3)
    code, out, err = told("status")
    assert (code, "waiting    3" in out, err) == (1, True, "There is no index yet: the next run of elasticsearch_sync makes it.\n")
    run()
    run()
    world.client.indices.refresh(index=world.alias)

    code, out, _ = told("status")

    assert code == 0
    assert "waiting    0" in out
    assert f"live       {world.index_name()}: 3 certificates" in out
    assert "wrong and repaired so far: nothing" in out


def test_explain_shows_all_three_places(told: Callable[..., Told], world: Any, run: Run) -> None:
    (pk,) = world.certificates()
    run()
    assert told("explain", f"acme/{pk}")[0] == 0
    world.change(pk, consumer_name="Ben Private")
    (certificate_id,) = world.row("SELECT certificate_id FROM econsent.certificates")

    code, out, _ = told("explain", certificate_id)

    assert code == 1
    lines = [line.split()[0] for line in out.splitlines()]
    assert lines == ["certificate", "database", "outbox", "live", "The"]
    assert "version 2, finalized" in out
    assert "wants version 2" in out
    assert "version 1 of epoch 0" in out
    assert "Private" not in out
    run()
    assert told("explain", certificate_id)[0] == 0
    assert told("explain", "EC-nobody")[0] == 1


def test_a_search_sees_one_company(told: Callable[..., Told], world: Any, run: Run) -> None:
    (mine,) = world.certificates(1, company_id="mine")
    world.certificates(1, company_id="other")
    (revoked,) = world.certificates(1, company_id="mine", consumer_name="José Niño", consumer_phone="+12025550999")
    world.revoke(revoked, company_id="mine")
    run()
    world.client.indices.refresh(index=world.alias)

    asked = ("acme calls", "jose", "+12025550999", "ann@example.com", "zzz")
    found = {words: told("certificates", "--company", "mine", words)[1] for words in asked}

    assert found["acme calls"].splitlines()[-1] == "2 found."
    assert f"mine/{revoked}" in found["jose"]
    assert "revoked" in found["jose"]
    assert f"mine/{revoked}" in found["+12025550999"]
    assert f"mine/{mine}" in found["ann@example.com"]
    assert found["zzz"] == "0 found.\n"
    assert not any("other/" in out for out in found.values())


def test_a_time_that_no_calendar_of_ours_has_is_said_in_words(told: Callable[..., Told], world: Any, run: Run) -> None:
    world.certificates(1, consent_at="9999-12-31T23:59:59Z")
    world.certificates(1, consent_at="12026-01-01T00:00:00Z")
    run()
    world.client.indices.refresh(index=world.alias)

    code, out, _ = told("certificates", "--company", "acme", "acme")

    assert (code, out.splitlines()[-1]) == (0, "2 found.")
    assert "9999-12-31 23:59:59 UTC  acme/" in out
    assert "outside the years 1 to 9999  acme/" in out


def test_no_query_can_forget_its_company(world: Any, run: Run) -> None:
    """Whatever is asked, filter and routing name the company; words are words and no query language."""
    world.certificates(1, company_id="other")
    run()
    world.client.indices.refresh(index=world.alias)
    for words in ("", "*", "calls OR company_id:other", '"} } ] } }', "company_id:other"):
        body = for_company("mine", words)
        assert body["routing"] == "mine"
        assert {"term": {"company_id": "mine"}} in body["query"]["bool"]["filter"]
        assert world.client.search(index=world.alias, **body)["hits"]["hits"] == []
    with pytest.raises(ValueError, match="needs a company"):
        for_company("", "words")


def test_what_was_set_aside_is_listed_and_tried_again(told: Callable[..., Told], world: Any, run: Run) -> None:
    (pk,) = world.certificates(1, origin="x" * 6 * 1024**2)
    run()

    code, out, _ = told("dead")

    assert code == 0
    assert f"acme/{pk}  data: the document has" in out
    assert told("dead", "--company", "nobody")[1] == "0 set aside.\n"
    assert told("redrive", "--company", "nobody")[0] == 1
    assert told("redrive")[1] == f"acme/{pk}\n1 are tried again by the next run of elasticsearch_sync.\n"
    assert world.outbox()[pk]["state"] == "due"


def test_readers_go_back_to_the_index_before(told: Callable[..., Told], world: Any, run: Run, make_tools: Callable[..., Tools]) -> None:
    pks = world.certificates(3)
    run()
    before = world.index_name()
    assert told("rollback")[::2] == (1, "No index is kept for a rollback: only a reindex leaves one, until the next one.\n")
    reindex(tools=make_tools(), limits=Limits(batch_size=10, run_seconds=60))
    after = world.index_name()
    world.revoke(pks[0])
    run()
    assert told("rollback", "--dry-run")[:2] == (0, f"Readers would search {before}; 0 changes wait for it and for the live one alike.\n")
    assert world.index_name() == after

    assert told("rollback")[0] == 0

    assert world.index_name() == before
    assert world.shown({"term": {"opt_out.revoke": True}}) == [pks[0]], "nothing was un-revoked"
    assert sorted(world.client.indices.get_alias(name=world.alias)) == [before]
    assert told("rollback")[0] == 0
    assert world.index_name() == after
    assert run().examined == 0


def test_a_search_that_is_not_configured_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert search(["status"], {}) == 1
    assert "Nothing says where eConsent runs" in capsys.readouterr().err


def test_the_stack_names_the_index(stack: Stack) -> None:
    assert json.loads(stack.variables()[SEARCH])["port"] == stack.place(elasticsearch.SERVER).ports["http"]
