"""What the sync finds before a run of its DAG, and what it leaves behind."""

from demo.insert import insert_tenant
from demo.tenants import tenant
from econsent_stack.stores import Stores

COMPANY = "demo-03"
LABEL = "dag-run-"
GOOD = (1, 2, 3)
EXPIRED = 4


def given(stores: Stores) -> None:
    """Insert certificates that count, and one that no longer does."""
    insert_tenant(stores.database, tenant(COMPANY))
    for number in (*GOOD, EXPIRED):
        stores.database.execute(
            """
            INSERT INTO econsent.certificates
            (company_id, property_id, source, source_ref, certificate_id, signature, consent_at, capture, status, consumer_phone)
            SELECT %(company)s, property_id, 'meta', %(name)s, %(name)s, 's', '2026-03-01', '{}', %(status)s, '+12025550123'
            FROM econsent.properties WHERE company_id = %(company)s ORDER BY property_id LIMIT 1
            """,
            {"company": COMPANY, "name": f"{LABEL}{number}", "status": "expired" if number == EXPIRED else "finalized"},
        )
    stores.database.execute(
        "UPDATE econsent.certificates SET opt_out = '{\"revoke\": true}' WHERE company_id = %s AND source_ref = %s", [COMPANY, f"{LABEL}1"]
    )


def expect(stores: Stores) -> None:
    """Readers see what counts, with its revocation, and nothing is left to do."""
    stores.search.indices.refresh(index="certificates")
    query = {"bool": {"filter": [{"term": {"company_id": COMPANY}}, {"prefix": {"certificate_id": LABEL}}]}}
    hits = stores.search.search(index="certificates", query=query, routing=COMPANY)["hits"]["hits"]
    shown = {hit["_source"]["certificate_id"]: hit["_source"]["opt_out"]["revoke"] for hit in hits}
    assert shown == {f"{LABEL}1": True, f"{LABEL}2": False, f"{LABEL}3": False}

    left = stores.database.execute("SELECT count(*) FROM econsent.search_outbox WHERE company_id = %s", [COMPANY]).fetchone()
    assert left == (0,)
    states = stores.database.execute("SELECT state, built_through FROM econsent.search_targets").fetchall()
    assert states == [("live", None)]
