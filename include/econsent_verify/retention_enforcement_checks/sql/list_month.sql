-- What went of a company in a month.
SELECT
    tombstone.log_no,
    tombstone.leaf_sha256
FROM econsent.tombstones AS tombstone
WHERE
    tombstone.company_id = %(company_id)s AND tombstone.log_no < %(leaves)s
    AND date_trunc('month', tombstone.deleted_at AT TIME ZONE 'UTC')::date = %(month)s
ORDER BY tombstone.log_no
