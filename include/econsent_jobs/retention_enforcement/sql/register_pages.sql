-- Captured pages of certificates that end: their files get rows before anything is done to them.
INSERT INTO econsent.storage_objects (company_id, session_id, certificate_pk, kind, backend, tier, object_key, bytes, sha256)
SELECT
    certificate.company_id,
    certificate.session_id,
    certificate.certificate_pk,
    'dom',
    'efs',
    1,
    named.object_key,
    named.bytes,
    named.sha256
FROM
    unnest(%(certificate_pks)s::bigint[], %(object_keys)s::text[], %(sizes)s::bigint[], %(sha256s)s::text[])
        AS named (certificate_pk, object_key, bytes, sha256)
INNER JOIN econsent.certificates AS certificate
    ON certificate.company_id = %(company_id)s AND named.certificate_pk = certificate.certificate_pk
WHERE certificate.company_id = %(company_id)s
ON CONFLICT DO NOTHING  -- a file that was deleted keeps its row: whoever comes late must not register it anew
