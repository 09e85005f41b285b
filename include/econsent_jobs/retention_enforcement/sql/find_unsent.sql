-- Roots and certificates of destruction that are sealed and not yet stored.
SELECT
    'root' AS what,
    root.leaves::text AS name,
    root.object_key,
    root.document,
    root.document_sha256,
    root.retain_until
FROM econsent.tombstone_roots AS root
WHERE root.version_id IS NULL
UNION ALL
SELECT
    'certificate' AS what,
    certificate.company_id || ' ' || certificate.month AS name,
    certificate.object_key,
    certificate.document,
    certificate.document_sha256,
    certificate.retain_until
FROM econsent.destruction_certificates AS certificate
WHERE certificate.version_id IS NULL
ORDER BY object_key
LIMIT %(batch_size)s
