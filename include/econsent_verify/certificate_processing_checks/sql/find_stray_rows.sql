-- Rows about certificates that are not there (any more): of the queue, of sealed bytes, of stored objects.
SELECT
    'certificate_queue' AS relation,
    queued.certificate_pk::text AS row_name
FROM econsent.certificate_queue AS queued
WHERE
    queued.company_id = %(company_id)s
    AND NOT EXISTS (
        SELECT FROM econsent.certificates AS certificate
        WHERE certificate.company_id = %(company_id)s AND certificate.certificate_pk = queued.certificate_pk
    )
UNION ALL
SELECT
    'sealed_documents' AS relation,
    document.object_key AS row_name
FROM econsent.sealed_documents AS document
WHERE
    document.company_id = %(company_id)s
    AND NOT EXISTS (
        SELECT FROM econsent.certificates AS certificate
        WHERE certificate.company_id = %(company_id)s AND certificate.certificate_pk = document.certificate_pk
    )
UNION ALL
SELECT
    'storage_objects' AS relation,
    stored.object_key AS row_name
FROM econsent.storage_objects AS stored
WHERE
    stored.company_id = %(company_id)s
    AND stored.kind IN ('certificate', 'attestation', 'dom')
    AND stored.state <> 'deleted'
    AND NOT EXISTS (
        SELECT FROM econsent.certificates AS certificate
        WHERE certificate.company_id = %(company_id)s AND certificate.certificate_pk = stored.certificate_pk
    )
LIMIT %(most)s
