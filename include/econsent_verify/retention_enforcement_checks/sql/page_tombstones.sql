-- The log, leaf by leaf, each with the row of the object that it stands for.
SELECT
    tombstone.log_no,
    tombstone.company_id,
    tombstone.object_key,
    tombstone.version_id,
    tombstone.bytes,
    tombstone.sha256,
    tombstone.rule,
    tombstone.run_id,
    tombstone.deleted_at,
    tombstone.leaf_sha256,
    array_agg(stored.storage_object_id) FILTER (WHERE stored.storage_object_id IS NOT NULL) AS object_ids,
    max(stored.retain_until) AS retain_until,
    max(stored.backend) AS backend,
    max(stored.bucket) AS bucket,
    bool_and(stored.bytes = tombstone.bytes AND stored.sha256 = tombstone.sha256) AS is_same
FROM econsent.tombstones AS tombstone
LEFT JOIN econsent.storage_objects AS stored
    ON
        tombstone.company_id = stored.company_id
        AND tombstone.object_key = stored.object_key
        AND stored.version_id IS NOT DISTINCT FROM tombstone.version_id
        AND tombstone.deleted_at = stored.deleted_at
        AND stored.state = 'deleted'
WHERE tombstone.log_no >= %(after)s
GROUP BY tombstone.log_no
ORDER BY tombstone.log_no
LIMIT 2000
