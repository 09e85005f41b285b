-- Personal data in certificates that say they have none.
SELECT
    certificate.company_id,
    certificate.certificate_pk
FROM econsent.certificates AS certificate
LEFT JOIN econsent.attestations AS attestation
    ON certificate.company_id = attestation.company_id AND certificate.certificate_pk = attestation.certificate_pk
WHERE
    (certificate.pii_erased_at IS NOT NULL OR certificate.status = 'deleted')
    AND (
        certificate.capture <> '{}'
        OR num_nonnulls(
            certificate.dom_staging_path, certificate.consumer_phone, certificate.consumer_email, certificate.consumer_name, certificate.ip,
            certificate.user_agent, certificate.browser_language, certificate.geo, certificate.consent_records, certificate.fingerprint,
            certificate.payload_string, certificate.last_error, attestation.form_data_sha256
        ) > 0
        OR attestation.document <> '{}'
        OR attestation.interaction_chain <> '[]'
    )
ORDER BY certificate.company_id, certificate.certificate_pk
LIMIT 1000
