-- What other tables say of one page: the search outbox, the queue and the sealed documents.
WITH given AS (
    SELECT wanted.certificate_pk
    FROM unnest(%(certificate_pks)s::bigint[]) AS wanted (certificate_pk)
),

search AS (
    SELECT
        outbox.doc_key,
        outbox.op,
        outbox.wanted_version
    FROM econsent.search_outbox AS outbox
    WHERE
        outbox.company_id = %(company_id)s
        AND outbox.doc_type = 'certificate'
        AND outbox.doc_key = any(%(certificate_pks)s::bigint[]::text[])
),

waiting AS (
    SELECT queued.certificate_pk
    FROM econsent.certificate_queue AS queued
    WHERE
        queued.company_id = %(company_id)s
        AND queued.certificate_pk = any(%(certificate_pks)s)
),

sealed AS (
    SELECT
        document.certificate_pk,
        array_agg(document.object_key) AS keys
    FROM econsent.sealed_documents AS document
    WHERE
        document.company_id = %(company_id)s
        AND document.certificate_pk = any(%(certificate_pks)s)
    GROUP BY document.certificate_pk
)

SELECT
    given.certificate_pk,
    search.op AS search_op,
    search.wanted_version AS search_version,
    waiting.certificate_pk IS NOT NULL AS queued,
    sealed.keys AS sealed_keys
FROM given
LEFT JOIN search ON search.doc_key = given.certificate_pk::text
LEFT JOIN waiting ON given.certificate_pk = waiting.certificate_pk
LEFT JOIN sealed ON given.certificate_pk = sealed.certificate_pk
