-- Finalised certificates past their time that no hold covers. One that is claimed has its buyer's time already.
SELECT
    certificate.certificate_pk,
    certificate.certificate_id,
    certificate.expires_at
FROM econsent.certificates AS certificate
WHERE
    certificate.company_id = %(company_id)s
    AND certificate.status = 'finalized'
    AND (certificate.expires_at <= %(now)s OR %(everything)s)
    AND certificate.certificate_pk > %(after)s
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
