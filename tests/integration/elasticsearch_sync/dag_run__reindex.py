"""What a reindex finds before its run, and what it leaves behind."""

from demo.insert import insert_tenant
from demo.tenants import tenant
from econsent_stack.stores import Stores

COMPANY = "demo-03"
NAMES = ["reindex-1", "reindex-2"]


def given(stores: Stores) -> None:
    """Insert certificates that are in no index yet."""
    insert_tenant(stores.database, tenant(COMPANY))
    for name in NAMES:
        stores.database.execute(
            """
            INSERT INTO econsent.certificates
            (company_id, property_id, source, source_ref, certificate_id, signature, consent_at, capture, status)
            SELECT %(company)s, property_id, 'meta', %(name)s, %(name)s, 's', '2026-03-01', '{}', 'finalized'
            FROM econsent.properties WHERE company_id = %(company)s ORDER BY property_id LIMIT 1
            """,
            {"company": COMPANY, "name": name},
        )


def expect(stores: Stores) -> None:
    """Readers search the new index, the old one is kept, and nothing is being built any more."""
    states = dict(stores.database.execute("SELECT state, index_name FROM econsent.search_targets").fetchall())
    assert set(states) == {"live", "rollback"}
    assert sorted(stores.search.indices.get_alias(name="certificates")) == [states["live"]]
    assert sorted(stores.search.indices.get_alias(name="certificates-write")) == [states["live"]]
    query = {"bool": {"filter": [{"term": {"company_id": COMPANY}}, {"prefix": {"certificate_id": "reindex-"}}]}}
    for index in (states["live"], states["rollback"]):
        stores.search.indices.refresh(index=index)
        hits = stores.search.search(index=index, query=query, routing=COMPANY)["hits"]["hits"]
        assert sorted(hit["_source"]["certificate_id"] for hit in hits) == NAMES
