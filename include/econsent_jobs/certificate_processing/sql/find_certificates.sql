-- By whatever a person has in hand: the certificate's id, its number, its session's id, or the lead's or call's id.
SELECT certificate.certificate_pk
FROM econsent.certificates AS certificate
WHERE
    certificate.company_id = %(company_id)s
    AND (
        certificate.certificate_id = %(name)s
        OR certificate.session_id = %(name)s
        OR (certificate.source_ref = %(name)s AND certificate.source <> 'session')
        OR certificate.certificate_pk = %(certificate_pk)s
    )
ORDER BY certificate.certificate_pk
LIMIT %(most)s
