-- What an earlier try sealed is sent again byte for byte, whatever code, key, template or policy says by now.
SELECT
    document.certificate_pk,
    document.kind,
    document.object_key,
    document.bytes AS body,
    document.sha256,
    document.content_type
FROM econsent.sealed_documents AS document
WHERE
    document.company_id = %(company_id)s
    AND document.certificate_pk = any(%(certificate_pks)s)
ORDER BY document.certificate_pk, document.kind
