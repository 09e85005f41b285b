-- Objects whose lock ends before a certificate that needs them: it came later, its property's expiration was lengthened, or it was claimed.
-- Led by certificates that changed lately, so that a night does not look at every object.
WITH needed AS (
    SELECT
        stored.storage_object_id,
        certificate.retain_until
    FROM econsent.certificates AS certificate
    INNER JOIN econsent.storage_objects AS stored
        ON stored.company_id = %(company_id)s AND certificate.certificate_pk = stored.certificate_pk
    WHERE
        certificate.company_id = %(company_id)s
        AND certificate.status = 'finalized'
        AND certificate.updated_at >= %(now)s - interval '30 days'
    UNION ALL
    SELECT
        stored.storage_object_id,
        certificate.retain_until
    FROM econsent.certificates AS certificate
    INNER JOIN econsent.storage_objects AS stored
        ON stored.company_id = %(company_id)s AND certificate.session_id = stored.session_id AND stored.certificate_pk IS NULL
    WHERE
        certificate.company_id = %(company_id)s
        AND certificate.status = 'finalized'
        AND certificate.updated_at >= %(now)s - interval '30 days'
)

SELECT
    stored.storage_object_id AS object_id,
    stored.object_key,
    stored.version_id,
    max(needed.retain_until) AS retain_until
FROM needed
INNER JOIN econsent.storage_objects AS stored ON needed.storage_object_id = stored.storage_object_id
WHERE
    stored.backend = 's3'
    AND stored.state <> 'deleted'
    AND needed.retain_until > stored.retain_until
    AND needed.retain_until > %(now)s
    AND stored.storage_object_id > %(after)s
GROUP BY stored.storage_object_id
ORDER BY stored.storage_object_id
LIMIT %(batch_size)s
