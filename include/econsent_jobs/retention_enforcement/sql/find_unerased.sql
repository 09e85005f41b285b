-- A closing company's certificates and sessions with personal data.
SELECT
    certificate.certificate_pk,
    certificate.session_id
FROM econsent.certificates AS certificate
WHERE
    certificate.company_id = %(company_id)s
    AND certificate.pii_erased_at IS NULL
    AND certificate.status IN ('finalized', 'expired', 'failed', 'deleted')
    AND certificate.certificate_pk > %(after)s
ORDER BY certificate.certificate_pk
LIMIT %(batch_size)s
