-- Certificates that an earlier try of a request named already: their personal data is gone, their objects may not be.
SELECT
    certificate.certificate_pk,
    certificate.session_id,
    certificate.status
FROM econsent.certificates AS certificate
WHERE certificate.company_id = %(company_id)s AND certificate.certificate_pk = any(%(certificate_pks)s)
ORDER BY certificate.certificate_pk
