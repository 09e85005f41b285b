-- Objects whose lock ends before the certificates that need them: a property's expiration was lengthened, or a partner claimed one.
SELECT
    stored.storage_object_id AS object_id,
    stored.object_key,
    stored.version_id,
    needed.retain_until
FROM econsent.storage_objects AS stored
CROSS JOIN
    LATERAL (
        SELECT max(served.retain_until) AS retain_until
        FROM (
            SELECT certificate.retain_until
            FROM econsent.certificates AS certificate
            WHERE
                certificate.company_id = %(company_id)s
                AND certificate.certificate_pk = stored.certificate_pk
                AND certificate.status = 'finalized'
            UNION ALL
            SELECT certificate.retain_until
            FROM econsent.certificates AS certificate
            WHERE
                certificate.company_id = %(company_id)s
                AND stored.certificate_pk IS NULL
                AND certificate.session_id = stored.session_id
                AND certificate.status = 'finalized'
        ) AS served
    ) AS needed
WHERE
    stored.company_id = %(company_id)s
    AND stored.backend = 's3'
    AND stored.state <> 'deleted'
    AND needed.retain_until > stored.retain_until
    AND needed.retain_until > %(now)s
    AND stored.storage_object_id > %(after)s
ORDER BY stored.storage_object_id
LIMIT %(batch_size)s
