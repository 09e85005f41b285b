-- All roots as they were sealed.
SELECT
    root.leaves,
    root.root_sha256,
    root.made_at,
    root.object_key,
    root.document,
    root.document_sha256,
    root.retain_until,
    root.bucket,
    root.version_id
FROM econsent.tombstone_roots AS root
ORDER BY root.leaves
