-- Which of these certificates a hold covers: their personal data stays, and the report says so.
SELECT
    certificate.certificate_pk,
    certificate.session_id
FROM econsent.certificates AS certificate
WHERE
    certificate.company_id = %(company_id)s
    AND certificate.certificate_pk = any(%(certificate_pks)s)
    AND EXISTS (
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
