-- What other tables say of one page: the search outbox, the queue and the sealed documents.
SELECT
    given.certificate_pk,
    outbox.op AS search_op,
    outbox.wanted_version AS search_version,
    queued.certificate_pk IS NOT NULL AS queued,
    sealed.keys AS sealed_keys
FROM unnest(%(certificate_pks)s::bigint[]) AS given (certificate_pk)
LEFT JOIN econsent.search_outbox AS outbox
    ON
        outbox.company_id = %(company_id)s
        AND outbox.doc_type = 'certificate'
        AND outbox.doc_key = given.certificate_pk::text
LEFT JOIN econsent.certificate_queue AS queued
    ON queued.company_id = %(company_id)s AND given.certificate_pk = queued.certificate_pk
LEFT JOIN LATERAL (
    SELECT array_agg(document.object_key) AS keys
    FROM econsent.sealed_documents AS document
    WHERE
        document.company_id = %(company_id)s
        AND document.certificate_pk = given.certificate_pk
) AS sealed ON TRUE
