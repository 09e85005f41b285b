-- The rows of everything that should lie in the bucket, in the order in which S3 lists.
-- The linter takes the collation for a column, hence its silence where "C" is named.
SELECT
    stored.object_key AS key,
    stored.version_id,
    stored.bytes AS size_bytes,
    stored.sha256,
    stored.created_at
FROM econsent.storage_objects AS stored
WHERE
    stored.backend = 's3'
    AND stored.bucket = %(bucket)s
    AND stored.state <> 'deleted'
    AND stored.object_key COLLATE "C" > %(after)s  -- noqa: RF03
ORDER BY stored.object_key COLLATE "C"  -- noqa: RF03
LIMIT %(batch_size)s
