-- Months that are over, in which something of a company was deleted, and that have no certificate of destruction yet.
SELECT DISTINCT date_trunc('month', tombstone.deleted_at AT TIME ZONE 'UTC')::date AS month
FROM econsent.tombstones AS tombstone
WHERE
    tombstone.company_id = %(company_id)s
    AND tombstone.deleted_at < date_trunc('month', %(now)s AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
    AND NOT EXISTS (
        SELECT FROM econsent.destruction_certificates AS certificate
        WHERE
            certificate.company_id = %(company_id)s
            AND certificate.month = date_trunc('month', tombstone.deleted_at AT TIME ZONE 'UTC')::date
    )
ORDER BY month
LIMIT 120
