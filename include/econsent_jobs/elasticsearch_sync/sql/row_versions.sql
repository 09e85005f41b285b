-- How new the rows are by now, to tell a newer writer's document from one that no row ever had.
SELECT
    certificate.certificate_pk,
    certificate.row_version
FROM econsent.certificates AS certificate
WHERE
    certificate.company_id = %(company_id)s
    AND certificate.certificate_pk = any(%(certificate_pks)s)
