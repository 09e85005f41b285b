"""How readers ask the index: one company at a time, always.

Every query that this project sends for a person is made by ``for_company``. It names the company as filter and as routing, so that no
caller can forget either; an empty company is refused rather than searched for.
"""

from typing import Any, Final

from econsent_jobs.elasticsearch_sync.rules.projection import fold

TEXT_FIELDS: Final = ("consent_text", "consumer.name")
EXACT_FIELDS: Final = (
    "certificate_id",
    "consumer.email",
    "consumer.phone",
    "domain",
    "property_id",
    "session_id",
)
MOST: Final = 200


def for_company(company_id: str, words: str, *, most: int = 20) -> dict[str, Any]:
    """Return the body and routing of a search for ``words`` among one company's certificates, the newest consent first.

    A word may be in the consent's text or the consumer's name; the whole may be an id, a phone number, an e-mail address or a domain.
    Raises ValueError without a company: the index holds all of them.
    """
    if not company_id:
        raise ValueError("a search needs a company")
    text = {"multi_match": {"query": fold(words), "fields": list(TEXT_FIELDS), "operator": "and", "type": "cross_fields"}}
    exact = [{"term": {field: words.strip()}} for field in EXACT_FIELDS]
    asked: dict[str, Any] = {"bool": {"should": [text, *exact], "minimum_should_match": 1}} if words.strip() else {"match_all": {}}
    return {
        "query": {"bool": {"filter": [{"term": {"company_id": company_id}}, {"term": {"deleted": False}}], "must": [asked]}},
        "routing": company_id,
        "size": min(most, MOST),
        "sort": [{"consent_at": {"order": "desc", "missing": "_last"}}, "certificate_pk"],
        "track_total_hits": True,
    }
