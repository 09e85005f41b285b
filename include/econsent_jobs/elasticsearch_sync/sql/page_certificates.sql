-- One company's certificates in the order of their keys, a page at a time; which of them belong into the index is the projection's to say.
SELECT certificate.certificate_pk
FROM econsent.certificates AS certificate
WHERE
    certificate.company_id = %(company_id)s
    AND certificate.certificate_pk > %(after)s
ORDER BY certificate.certificate_pk
LIMIT %(most)s
