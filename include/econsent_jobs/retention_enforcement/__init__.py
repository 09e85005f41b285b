"""Retention enforcement: deletes exactly what it must, never what it must not, and can prove both."""

from econsent_jobs.retention_enforcement.job import enforce

__all__ = ["enforce"]
