-- Tombstones of an object, by its key, its version or its number in the log.
SELECT
    tombstone.log_no,
    tombstone.company_id,
    tombstone.object_key,
    tombstone.version_id,
    tombstone.bytes AS size_bytes,
    tombstone.sha256,
    tombstone.rule,
    tombstone.run_id,
    tombstone.deleted_at
FROM econsent.tombstones AS tombstone
WHERE tombstone.object_key = %(name)s OR tombstone.version_id = %(name)s OR tombstone.log_no::text = %(name)s
ORDER BY tombstone.log_no
LIMIT 100
