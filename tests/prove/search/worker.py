"""A worker of the search sync that may be killed: the job as its operator runs it, forked from a warmed parent."""

import logging
from contextlib import suppress
from dataclasses import replace
from typing import Any

import psycopg
from elasticsearch import Elasticsearch

from econsent_jobs.core.errors import EconsentError
from econsent_jobs.core.limits import Limits
from econsent_jobs.elasticsearch_sync import sync_search
from econsent_jobs.elasticsearch_sync.model import Settings
from econsent_jobs.elasticsearch_sync.reindex import reindex
from econsent_jobs.elasticsearch_sync.tools import Tools, real_tools
from econsent_jobs.io.database import database_errors
from econsent_jobs.io.search_index import SearchIndex
from tests.prove.search.steps import AtOnce

JOBS = {"sync": sync_search, "reindex": reindex}


def warm(setting: dict[str, Any]) -> None:
    """Everything costly is imported above. ``setting`` is empty."""
    logging.getLogger().addHandler(logging.NullHandler())  # refused documents are part of every case; their lines would hide the rest


def work(warmed: None, errand: dict[str, Any]) -> dict[str, Any]:
    """Run the job once. The report is its result, or ``{"raised": sentence}`` where the run itself could not go on."""
    raised: dict[str, Any] = {"raised": "the connection's end failed"}
    with suppress(psycopg.Error):  # a connection that is gone cannot be closed in order
        try:
            with (
                database_errors(),
                psycopg.connect(errand["database"], autocommit=True) as database,
                Elasticsearch(errand["endpoint"]) as client,
            ):
                limits = Limits(batch_size=errand["batch_size"], run_seconds=60)
                return JOBS[errand["job"]](tools=tools_of(errand, database, client), limits=limits).as_dict()
        except EconsentError as error:
            raised = {"raised": str(error)}
    return raised


def tools_of(errand: dict[str, Any], database: psycopg.Connection[Any], client: Elasticsearch) -> Tools:
    tools = real_tools(database=database, search=SearchIndex(client), settings=Settings(alias=errand["alias"], replicas=0))
    return replace(tools, open_senders=AtOnce) if errand["in_turn"] else tools
