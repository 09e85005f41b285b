"""What an error class means to an administrator, and what to do about it."""

from dataclasses import dataclass
from typing import Final

from econsent_jobs.core.errors import ErrorClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """``headline`` goes on after "The run of 12:05"; ``meaning`` and ``advice`` are each a sentence without its end or more."""

    headline: str
    meaning: str
    advice: str


EXPLANATIONS: Final = {
    ErrorClass.DB_CONNECTIVITY: Explanation(
        headline="failed: the database could not be reached",
        meaning="PostgreSQL refused, closed or outlasted a connection",
        advice="Look at the database's health and at its number of connections, then at the runbook.",
    ),
    ErrorClass.S3_WRITE: Explanation(
        headline="failed: the archive did not take a document",
        meaning="S3 refused or did not answer a write",
        advice="Look at the archive's state and at the rights of its Connection, then at the runbook.",
    ),
    ErrorClass.QUEUE_CONGESTION: Explanation(
        headline="failed: more work arrives than is done",
        meaning="three runs in a row ended at their limit and left ever older work",
        advice="Give the job's pool more slots and its DAG more lanes, or find out what sends so much.",
    ),
    ErrorClass.ES_WRITE: Explanation(
        headline="failed: the search index did not take a document",
        meaning="Elasticsearch refused or did not answer a write",
        advice="Look at the cluster's health and free disk, then at the runbook.",
    ),
    ErrorClass.HTTP_DELIVERY: Explanation(
        headline="failed: too many deliveries were refused",
        meaning="customers' endpoints refused or did not answer",
        advice="Look which endpoints refuse; if all do, look at this platform's way out.",
    ),
    ErrorClass.INTEGRITY: Explanation(
        headline="failed: something stored is not what it should be",
        meaning="a hash, a balance or a stored object does not agree with its record",
        advice="Change nothing by hand. Run ./econsent verify, and keep what it says.",
    ),
    ErrorClass.RENDER: Explanation(
        headline="failed: recordings could not be turned into videos",
        meaning="the browser or the encoder gave up",
        advice="Look at the memory and disk of the workers, then at the runbook.",
    ),
    ErrorClass.DATA: Explanation(
        headline="failed: its data cannot be worked with",
        meaning="a value is missing, too long or of the wrong kind",
        advice="Look at the quarantined items: each says which value is wrong.",
    ),
    ErrorClass.CONFIG: Explanation(
        headline="failed: something is not set up",
        meaning="a Connection, a Variable, a right or a table is missing",
        advice="Add what it names. No retry helps before that.",
    ),
    ErrorClass.TIMEOUT: Explanation(
        headline="failed: it took longer than it may",
        meaning="a step reached its time-out and was stopped",
        advice="Compare its processing time with other days; if all grew, look at the database first.",
    ),
    ErrorClass.UNKNOWN: Explanation(
        headline="failed",
        meaning="the program stopped in a way that nobody foresaw",
        advice="Read the last log lines below.",
    ),
}


def explain(error_class: str | None) -> Explanation:
    """Return the explanation of a class; what is not one of ours is unknown."""
    try:
        return EXPLANATIONS[ErrorClass(error_class)] if error_class else EXPLANATIONS[ErrorClass.UNKNOWN]
    except ValueError:
        return EXPLANATIONS[ErrorClass.UNKNOWN]
