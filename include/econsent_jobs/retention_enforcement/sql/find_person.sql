-- A person's certificates in one company, by phone or e-mail.
SELECT
    certificate.certificate_pk,
    certificate.status,
    certificate.session_id
FROM econsent.certificates AS certificate
WHERE
    certificate.company_id = %(company_id)s
    AND certificate.certificate_pk > %(after)s
    AND (certificate.consumer_phone = any(%(phones)s) OR certificate.consumer_email = any(%(emails)s))
    AND (%(source)s::text IS NULL OR certificate.source = %(source)s)
ORDER BY certificate.certificate_pk
LIMIT %(batch_size)s
