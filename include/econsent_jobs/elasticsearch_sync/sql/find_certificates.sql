-- Find a certificate of one company by the id that people have in hand.
SELECT certificate.certificate_pk
FROM econsent.certificates AS certificate
WHERE
    certificate.company_id = %(company_id)s
    AND certificate.certificate_id = %(certificate_id)s
