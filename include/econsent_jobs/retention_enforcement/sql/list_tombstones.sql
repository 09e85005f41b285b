-- A company's tombstones of one month, in the log's order.
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
WHERE
    tombstone.company_id = %(company_id)s
    AND tombstone.deleted_at >= %(month)s::date::timestamp AT TIME ZONE 'UTC'
    AND tombstone.deleted_at < (%(month)s::date + interval '1 month') AT TIME ZONE 'UTC'
    AND tombstone.log_no < %(leaves)s
ORDER BY tombstone.log_no
