-- Wants documents as the table's own trigger would, for an index that lacks them. What is wanted already stays as it is.
INSERT INTO econsent.search_outbox (company_id, doc_key, op, wanted_version)
SELECT
    certificate.company_id,
    certificate.certificate_pk::text,
    CASE WHEN certificate.status = 'finalized' THEN 'index' ELSE 'delete' END,
    certificate.row_version
FROM econsent.certificates AS certificate
WHERE
    certificate.company_id = %(company_id)s
    AND certificate.certificate_pk = any(%(certificate_pks)s)
ON CONFLICT (company_id, doc_type, doc_key) DO NOTHING
