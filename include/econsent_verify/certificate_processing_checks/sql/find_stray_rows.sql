-- Rows about certificates that are not there (any more): of the queue, of sealed bytes, of stored objects.
WITH certificate AS (
    SELECT known.certificate_pk
    FROM econsent.certificates AS known
    WHERE known.company_id = %(company_id)s
),

named AS (
    SELECT
        'certificate_queue' AS relation,
        queued.certificate_pk::text AS row_name,
        queued.certificate_pk
    FROM econsent.certificate_queue AS queued
    WHERE queued.company_id = %(company_id)s
    UNION ALL
    SELECT
        'sealed_documents' AS relation,
        document.object_key AS row_name,
        document.certificate_pk
    FROM econsent.sealed_documents AS document
    WHERE document.company_id = %(company_id)s
    UNION ALL
    SELECT
        'storage_objects' AS relation,
        stored.object_key AS row_name,
        stored.certificate_pk
    FROM econsent.storage_objects AS stored
    WHERE
        stored.company_id = %(company_id)s
        AND stored.kind IN ('certificate', 'attestation', 'dom')
        AND stored.state <> 'deleted'
)

SELECT
    named.relation,
    named.row_name
FROM named
LEFT JOIN certificate ON named.certificate_pk = certificate.certificate_pk
WHERE certificate.certificate_pk IS NULL
ORDER BY named.relation, named.row_name
LIMIT %(most)s
