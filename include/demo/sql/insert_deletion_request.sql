-- The first consumer of the first company who gave an e-mail address asks to be forgotten, once.
INSERT INTO econsent.deletion_requests (company_id, kind, email)
SELECT
    certificate.company_id,
    'consumer',
    certificate.consumer_email
FROM econsent.certificates AS certificate
WHERE
    certificate.company_id = 'demo-01'
    AND certificate.consumer_email IS NOT NULL
    AND NOT EXISTS (
        SELECT FROM econsent.deletion_requests AS request
        WHERE request.company_id = 'demo-01'
    )
ORDER BY certificate.certificate_pk
LIMIT 1
