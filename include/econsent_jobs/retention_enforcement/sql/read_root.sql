-- A root by the number of its leaves; where none is named the newest that is stored.
SELECT
    root.leaves,
    root.root_sha256,
    root.made_at,
    root.object_key,
    root.bucket,
    root.version_id
FROM econsent.tombstone_roots AS root
WHERE root.leaves >= %(at_least)s AND root.version_id IS NOT NULL
ORDER BY root.leaves
LIMIT 1
