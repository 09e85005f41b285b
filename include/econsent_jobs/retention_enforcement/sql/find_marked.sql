-- Marks whose time has come, in the order of keys, so that a batch lies together in the bucket.
-- The linter takes the collation for a column, hence its silence where "C" is named.
SELECT
    stored.storage_object_id AS object_id,
    stored.object_key
FROM econsent.storage_objects AS stored
WHERE
    stored.company_id = %(company_id)s
    AND stored.state = 'expired'
    AND stored.purge_after <= %(now)s
    AND stored.object_key COLLATE "C" > %(after)s  -- noqa: RF03
    AND (%(marked_by)s::text IS NULL OR stored.marked_by = %(marked_by)s)
ORDER BY stored.object_key COLLATE "C"  -- noqa: RF03
LIMIT %(batch_size)s
