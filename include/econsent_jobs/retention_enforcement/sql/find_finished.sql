-- Expired certificates of which nothing is stored any more.
SELECT certificate.certificate_pk
FROM econsent.certificates AS certificate
WHERE
    certificate.company_id = %(company_id)s
    AND certificate.status = 'expired'
    AND certificate.certificate_pk > %(after)s
    AND NOT EXISTS (
        SELECT FROM econsent.storage_objects AS stored
        WHERE
            stored.company_id = %(company_id)s
            AND stored.certificate_pk = certificate.certificate_pk
            AND stored.state <> 'deleted'
    )
    AND NOT EXISTS (
        SELECT FROM econsent.legal_holds AS hold
        WHERE
            hold.company_id = %(company_id)s
            AND hold.released_at IS NULL
            AND CASE hold.scope
                WHEN 'company' THEN TRUE
                WHEN 'property' THEN hold.scope_value = certificate.property_id
                WHEN 'session' THEN hold.scope_value = certificate.session_id
                WHEN 'certificate' THEN hold.scope_value = certificate.certificate_id
                ELSE lower(hold.scope_value) IN (certificate.consumer_phone, lower(certificate.consumer_email))
            END
    )
ORDER BY certificate.certificate_pk
LIMIT %(batch_size)s
