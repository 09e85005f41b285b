"""Elasticsearch sync: the search index follows PostgreSQL, and proves that it does."""

from econsent_jobs.elasticsearch_sync.job import sync_search

__all__ = ["sync_search"]
